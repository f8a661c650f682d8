import { readdirSync } from 'node:fs';
import type { ProcessBackend } from '../../../src/config/settings.ts';
import type { Target } from '../../../src/core/driver.ts';
import { readIdentity, readOwner } from '../../../src/drivers/process/owner.ts';

/** A target that runs a script (text, CommonJS) with this Node; `process.argv[1]` is the port, `[2]` the model. */
export function scriptTarget(script: string, backend: Partial<ProcessBackend> = {}): Target<ProcessBackend> {
  return {
    id: 'llama/default',
    model: 'llama',
    revision: 'default',
    backend: {
      driver: 'process',
      command: [process.execPath, '-e', script, '{port}', '{model}'],
      env: {},
      cwd: null,
      stopGraceMs: 10_000,
      ...backend,
    },
  };
}

/** An HTTP server on the port it was given. */
export const serverScript = `
  require('http').createServer((q, s) => s.end('ok')).listen(+process.argv[1], '127.0.0.1', () => console.log('listening'));
`;

/** Runs until it is killed; says its pid. */
export const idleScript = `setInterval(() => {}, 1000); console.log('pid ' + process.pid);`;

/** Says its pid and that of a child in the same group, which holds none of its streams. */
export const parentScript = `
  const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  child.once('spawn', () => console.log('pids ' + process.pid + ' ' + child.pid));
`;

export function isAlive(pid: number): boolean {
  const identity = readIdentity(pid);
  return identity !== null && !identity.isZombie;
}

/** The living processes that a gateway in this process started for an owner hash. */
export function pidsOf(ownerHash: string): number[] {
  const isOf = (pid: number) => {
    const owner = readOwner(pid);
    return owner?.hash === ownerHash && owner.pid === process.pid && isAlive(pid);
  };
  return readdirSync('/proc').map(Number).filter(Number.isInteger).filter(isOf);
}

/** Polls, as the system tells nobody of the death of a process that is not its child. */
export async function untilDead(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Polls the live output of a replica for a line; for output no event is told. */
export async function untilLine(output: () => readonly string[], pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    for (const line of output()) {
      const match = pattern.exec(line);
      if (match) return match;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
