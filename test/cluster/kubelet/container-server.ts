import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { parseDemoArgs } from '../../../src/demo-backend/options.ts';
import { startDemoBackend } from '../../../src/demo-backend/server.ts';
import type { Script } from './script.ts';

/** What answers on a played container's port. */
export interface ContainerServer {
  /** Resolves with its exit code when it has ended, by itself too. Never rejects. */
  readonly ended: Promise<number>;
  /** Tells it to end, kills it after `graceMs`; resolves with its exit code. */
  stop(graceMs: number): Promise<number>;
}

const file = new URL('model-process.ts', import.meta.url).pathname;

/** Starts a container's server, within this process or as one of its own, which listens when it does. */
export async function startServer(script: Script, host: string, port: number): Promise<ContainerServer> {
  return script.isProcess ? startProcess(host, port) : await startWithin(host, port, script.loadMs);
}

async function startWithin(host: string, port: number, loadMs: number): Promise<ContainerServer> {
  const args = [
    '--tokens-per-second',
    '1000',
    '--first-token',
    '1ms',
    '--load-time',
    `${loadMs}ms`,
    '--sleep-mode',
    'on',
  ];
  const server = await startDemoBackend(parseDemoArgs([...args, '--host', host, '--port', `${port}`]));
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  let closing: Promise<void> | null = null;
  return {
    ended,
    stop: async () => {
      closing ??= server.close();
      await closing;
      resolve(0);
      return 0;
    },
  };
}

function startProcess(host: string, port: number): ContainerServer {
  const child = spawn(process.execPath, [file, host, `${port}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = once(child, 'close').then((how) => codeOf(how as [number | null, NodeJS.Signals | null]));
  return {
    ended,
    stop: async (graceMs) => {
      child.kill(graceMs === 0 ? 'SIGKILL' : 'SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
      const code = await ended;
      clearTimeout(kill);
      return code;
    },
  };
}

/** As container runtimes count: 128 and the signal. */
function codeOf([code, signal]: [number | null, NodeJS.Signals | null]): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
