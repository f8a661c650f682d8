import { spawn } from 'node:child_process';
import { once } from 'node:events';

const file = new URL('model-process.ts', import.meta.url).pathname;

/** Starts the container as a process of its own, which listens when it does; `close` kills it and waits for its end. */
export function startProcessServer(address: string, port: number): { close(): Promise<void> } {
  const child = spawn(process.execPath, [file, address, `${port}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = once(child, 'close');
  return {
    close: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
