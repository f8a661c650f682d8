import { PilotlightError } from '../../core/errors.ts';
import type { CommitOutcome, JobChange } from '../../core/job-store.ts';
import { changeArguments, commitScript, outcomeOf } from './commit-script.ts';
import type { RedisLink } from './redis-link.ts';
import type { ScriptArgument } from './script.ts';

/** What one call of the script takes: Redis does nothing else meanwhile (256 changes: some milliseconds). */
const maxChanges = 256;
const maxBytes = 1_048_576;
/** One is applied while the next is on its way. */
const maxInFlight = 2;
/** What may wait while there is no connection; the first to come always may. */
const maxWaiting = { changes: 10_000, bytes: 33_554_432 } as const;

interface Commit {
  readonly outcomes: CommitOutcome[];
  left: number;
  readonly resolve: (outcomes: readonly CommitOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Waiting {
  readonly commit: Commit;
  readonly index: number;
  readonly args: readonly ScriptArgument[];
  readonly bytes: number;
}

/**
 * Puts the changes of many callers into few calls of the script: what comes in one turn of the event loop, or while calls are on
 * their way, goes together, so that Redis flushes its log once for all of them.
 */
export class CommitQueue {
  readonly #link: RedisLink;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #inFlight = 0;
  #isScheduled = false;
  readonly #onIdle: (() => void)[] = [];

  constructor(link: RedisLink) {
    this.#link = link;
  }

  /** Resolves when all are applied, and as durable as Redis makes them; rejects with PilotlightError. */
  commit(changes: readonly JobChange[]): Promise<readonly CommitOutcome[]> {
    if (changes.length === 0) return Promise.resolve([]);
    if (!this.#link.isReady && this.#isFull) {
      const message = `store: Redis cannot be asked, and ${this.#waiting.length} changes wait for it`;
      return Promise.reject(new PilotlightError('store_unavailable', message));
    }
    return new Promise((resolve, reject) => {
      const commit: Commit = { outcomes: [], left: changes.length, resolve, reject };
      for (const [index, change] of changes.entries()) {
        const args = changeArguments(change);
        const bytes = bytesOf(args);
        this.#waiting.push({ commit, index, args, bytes });
        this.#waitingBytes += bytes;
      }
      this.#schedule();
    });
  }

  /** Resolves when nothing waits and nothing is on its way. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 && this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  get #isFull(): boolean {
    return this.#waiting.length >= maxWaiting.changes || this.#waitingBytes >= maxWaiting.bytes;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#inFlight >= maxInFlight) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    while (this.#inFlight < maxInFlight && this.#waiting.length > 0) {
      const batch = this.#take(countOf(this.#waiting));
      this.#inFlight++;
      void this.#sendBatch(batch).finally(() => {
        this.#inFlight--;
        this.#send();
      });
    }
    if (this.#waiting.length > 0 || this.#inFlight > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #take(count = this.#waiting.length): Waiting[] {
    const taken = this.#waiting.splice(0, count);
    for (const { bytes } of taken) this.#waitingBytes -= bytes;
    return taken;
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const args = [batch.length, ...batch.flatMap((waiting) => waiting.args)];
      const replies = (await commitScript.run(this.#link, args)) as readonly unknown[];
      for (const [i, { commit, index }] of batch.entries()) {
        commit.outcomes[index] = outcomeOf(replies[i]);
        if (--commit.left === 0) commit.resolve(commit.outcomes);
      }
    } catch (error) {
      // Without a connection each batch would wait for one by itself, one after the other.
      const isLost = !this.#link.isReady;
      for (const { commit } of isLost ? [...batch, ...this.#take()] : batch) commit.reject(error);
    }
  }
}

/** How many of the first go into one call: at least one. */
function countOf(waiting: readonly Waiting[]): number {
  let bytes = 0;
  let count = 0;
  for (const { bytes: more } of waiting) {
    bytes += more;
    if (count === maxChanges || (count > 0 && bytes > maxBytes)) break;
    count++;
  }
  return count;
}

function bytesOf(args: readonly ScriptArgument[]): number {
  let bytes = 0;
  for (const arg of args) bytes += typeof arg === 'number' ? 8 : arg.length;
  return bytes;
}
