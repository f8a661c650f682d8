import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const stopGraceMs = 2_000;
const keptStderrBytes = 4_096;

/** What to start. `cpu` is the core it is pinned to where the machine has two and taskset. */
export interface Program {
  readonly name: string;
  readonly argv: readonly string[];
  readonly cpu: 0 | 1;
}

/** A running program of the benchmark. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** The end of its stderr. */
  stderr(): string;
  hasExited(): boolean;
  /** Resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts programs and ends every one of them by pid: on `stopAll`, and with SIGKILL when this process exits. */
export class Children {
  readonly #running = new Set<ChildProcess>();
  readonly #canPin: boolean;

  constructor(hasTaskset: boolean) {
    this.#canPin = hasTaskset && availableParallelism() >= 2;
    process.on('exit', () => {
      for (const child of this.#running) child.kill('SIGKILL');
    });
  }

  /** Starts a server whose stdout is thrown away. */
  start(program: Program): Child {
    const child = this.#spawn(program, 'ignore');
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-keptStderrBytes);
    });
    return {
      name: program.name,
      pid: child.pid ?? 0,
      stderr: () => stderr.trim(),
      hasExited: () => !this.#running.has(child),
      stop: () => this.#stop(child),
    };
  }

  /** Runs a program to its end and gives its stdout; `onLine` sees each line as it comes. Throws on a failure. */
  async output(program: Program, onLine?: (line: string) => void): Promise<string> {
    const child = this.#spawn(program, 'pipe');
    let stdout = '';
    let stderr = '';
    let lineStart = 0;
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      for (let end = stdout.indexOf('\n', lineStart); end >= 0; end = stdout.indexOf('\n', lineStart)) {
        onLine?.(stdout.slice(lineStart, end));
        lineStart = end + 1;
      }
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code, signal] = await once(child, 'close');
    if (code !== 0) throw new Error(`${program.name} ended with ${code ?? signal}: ${stderr.trim()}`);
    return stdout;
  }

  /** A program's argv, pinned to its core where that can be. */
  pinned(program: Program): string[] {
    return this.#canPin ? ['taskset', '-c', String(program.cpu), ...program.argv] : [...program.argv];
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.#stop(child)));
  }

  #spawn(program: Program, stdout: 'pipe' | 'ignore'): ChildProcess {
    const [command = '', ...args] = this.pinned(program);
    const child = spawn(command, args, { stdio: ['ignore', stdout, 'pipe'] });
    this.#running.add(child);
    child.on('exit', () => this.#running.delete(child));
    child.on('error', () => this.#running.delete(child));
    return child;
  }

  async #stop(child: ChildProcess): Promise<void> {
    if (!this.#running.has(child)) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), stopGraceMs);
    await exited;
    clearTimeout(killer);
  }
}

/** Resolves when something accepts connections on the port. Throws when the child exits first, or after 10 s. */
export async function awaitListening(child: Child, port: number): Promise<void> {
  const giveUpAtMs = performance.now() + 10_000;
  while (!(await canConnect(port))) {
    if (child.hasExited()) throw new Error(`${child.name} exited before it listened: ${child.stderr()}`);
    if (performance.now() > giveUpAtMs) throw new Error(`${child.name} does not listen: ${child.stderr()}`);
    await sleep(2);
  }
}

function canConnect(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection({ port, host: '127.0.0.1' });
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
