import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process of its own that works on a store's file until it is killed (store-process-main.ts). */
export class StoreProcess {
  /** What it was told to be committed: the version of each job. Whole once `killed` has resolved. */
  readonly versionById = new Map<string, number>();
  acknowledged = 0;
  readonly #child: ChildProcess;
  readonly #read: Promise<unknown>;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  /** `prefix`: of the ids it makes. */
  constructor(file: string, prefix: string) {
    const main = fileURLToPath(new URL('store-process-main.ts', import.meta.url));
    this.#child = spawn(process.execPath, [main, file, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.#child.stdout! });
    lines.on('line', (line) => this.#take(line));
    this.#read = Promise.all([once(lines, 'close'), once(this.#child, 'exit')]);
  }

  /** Resolves when so many commits were acknowledged; rejects when it ends before. */
  async reached(count: number): Promise<void> {
    const reached = new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    const ended = this.#read.then(() => {
      throw new Error(`the process ended after ${this.acknowledged} commits`);
    });
    await Promise.race([reached, ended]);
  }

  /** Ends it without a word to it, and waits until all it said was read. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#read;
  }

  #take(line: string): void {
    const [id = '', version] = line.split(' ');
    this.versionById.set(id, Number(version));
    this.acknowledged++;
    for (const { count, resolve } of this.#waiting) if (this.acknowledged >= count) resolve();
  }
}
