import { type ChildProcess, spawn } from 'node:child_process';
import type { Cancel, Clock } from '../core/clock.ts';

/** A program and how long it may take. */
export interface Command {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const maxOutputBytes = 64 * 1024;
/** After its end only one that left its group can still hold the output open. */
const outputGraceMs = 1_000;

/**
 * Runs a program in a process group of its own to its end; returns the last 64 KiB of what it printed. Past its time, and
 * when the signal aborts, the group is killed. Rejects with an Error of one line (`exited with code 1: no such process`),
 * or with the signal's reason.
 */
export async function runCommand(command: Command): Promise<string> {
  command.signal.throwIfAborted();
  return await new CommandRun(command).output;
}

class CommandRun {
  readonly output: Promise<string>;
  readonly #command: Command;
  readonly #child: ChildProcess;
  readonly #resolve: (output: string) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #onAbort = () => this.#giveUp(this.#command.signal.reason);
  #printed = Buffer.alloc(0);
  #cancelTimer: Cancel;

  constructor(command: Command) {
    const { argv, timeoutMs, clock, signal } = command;
    this.#command = command;
    const output = Promise.withResolvers<string>();
    this.output = output.promise;
    this.#resolve = output.resolve;
    this.#reject = output.reject;
    const [file = '', ...args] = argv;
    this.#child = spawn(file, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => this.#keep(chunk));
    this.#child.once('error', (error: NodeJS.ErrnoException) => this.#end(spawnError(error)));
    this.#child.once('exit', () => this.#onExit());
    this.#child.once('close', (code, by) => this.#onClose(code, by));
    this.#cancelTimer = clock.setTimer(clock.nowMs() + timeoutMs, () =>
      this.#giveUp(new Error(withLine(`killed after ${timeoutMs} ms`, this.#lastLine()))),
    );
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  #keep(chunk: Buffer): void {
    this.#printed = Buffer.concat([this.#printed, chunk]).subarray(-maxOutputBytes);
  }

  #onExit(): void {
    this.#cancelTimer();
    const { clock } = this.#command;
    this.#cancelTimer = clock.setTimer(clock.nowMs() + outputGraceMs, () => {
      this.#child.stdout?.destroy();
      this.#child.stderr?.destroy();
    });
  }

  #onClose(code: number | null, by: NodeJS.Signals | null): void {
    if (code === 0) {
      this.#end(null);
      return;
    }
    const how = by === null ? `exited with code ${code}` : `killed by ${by}`;
    this.#end(new Error(withLine(how, this.#lastLine())));
  }

  #giveUp(reason: unknown): void {
    this.#end(reason);
    this.#killGroup();
  }

  /** The first word counts; null: it did what it should. */
  #end(reason: unknown): void {
    this.#cancelTimer();
    this.#command.signal.removeEventListener('abort', this.#onAbort);
    if (reason === null) this.#resolve(this.#printed.toString('utf8'));
    else this.#reject(reason);
  }

  #lastLine(): string | null {
    const lines = this.#printed.toString('utf8').split(/[\r\n]+/);
    return lines.findLast((line) => line.trim() !== '') ?? null;
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      // EPERM: it changed its user; nothing more can be done from here.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ESRCH' && code !== 'EPERM') throw error;
    }
  }
}

function spawnError(error: NodeJS.ErrnoException): Error {
  const what = error.code === 'ENOENT' ? 'command not found' : (error.code ?? error.message);
  return new Error(what, { cause: error });
}

function withLine(how: string, line: string | null): string {
  return line === null ? how : `${how}: ${line.trim().slice(0, 200)}`;
}
