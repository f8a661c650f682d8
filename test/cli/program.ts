import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const main = new URL('../../src/main.ts', import.meta.url).pathname;

/** The command line as a process of its own, with what it has written so far. */
export interface Program {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code when it has ended and its output is complete; null: killed by a signal. */
  readonly ended: Promise<number | null>;
}

export function startProgram(args: readonly string[], cwd?: string): Program {
  const child: ChildProcess = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    texts.stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    texts.stderr += chunk.toString();
  });
  return {
    pid: child.pid!,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    kill: (signal) => void child.kill(signal),
    ended: once(child, 'close').then(([code]) => code as number | null),
  };
}

/** Runs it to its end. */
export async function runProgram(args: readonly string[], cwd?: string) {
  const program = startProgram(args, cwd);
  const code = await program.ended;
  return { code, stdout: program.stdout(), stderr: program.stderr() };
}
