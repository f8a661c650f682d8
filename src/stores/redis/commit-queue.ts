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
  readonly changes: readonly JobChange[];
  readonly outcomes: CommitOutcome[];
  /** How many of its changes were sent. */
  sent: number;
  answered: number;
  readonly resolve: (outcomes: readonly CommitOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A change on its way: its commit, and its place there. */
interface Sent {
  readonly commit: Commit;
  readonly index: number;
}

/**
 * Puts the changes of many callers into few calls of the script: what comes in one turn of the event loop, or while calls are on
 * their way, goes together, so that Redis flushes its log once for all of them. Callers take turns, one change each: who
 * commits 50,000 holds up nobody who commits one.
 */
export class CommitQueue {
  readonly #link: RedisLink;
  /** Those of which something is still to be sent, in order of their turns. */
  readonly #commits: Commit[] = [];
  readonly #waiting = { changes: 0, bytes: 0 };
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
      const message = `store: Redis cannot be asked, and ${this.#waiting.changes} changes wait for it`;
      return Promise.reject(new PilotlightError('store_unavailable', message));
    }
    return new Promise((resolve, reject) => {
      const own = changes.map(withOwnBytes);
      this.#commits.push({
        changes: own,
        outcomes: [],
        sent: 0,
        answered: 0,
        resolve,
        reject,
      });
      this.#waiting.changes += own.length;
      for (const change of own) this.#waiting.bytes += bytesOf(change);
      this.#schedule();
    });
  }

  /** Resolves when nothing waits and nothing is on its way. */
  idle(): Promise<void> {
    if (this.#commits.length === 0 && this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  get #isFull(): boolean {
    return this.#waiting.changes >= maxWaiting.changes || this.#waiting.bytes >= maxWaiting.bytes;
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
    while (this.#inFlight < maxInFlight && this.#commits.length > 0) {
      const { batch, args } = this.#take();
      this.#inFlight++;
      void this.#sendBatch(batch, args).finally(() => {
        this.#inFlight--;
        this.#send();
      });
    }
    if (this.#commits.length > 0 || this.#inFlight > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #take(): { batch: Sent[]; args: ScriptArgument[] } {
    const batch: Sent[] = [];
    const args: ScriptArgument[] = [];
    let bytes = 0;
    while (batch.length < maxChanges && bytes < maxBytes) {
      const commit = this.#commits.shift();
      if (!commit) break;
      const index = commit.sent++;
      const change = commit.changes[index]!;
      this.#waiting.changes--;
      this.#waiting.bytes -= bytesOf(change);
      for (const arg of changeArguments(change)) {
        args.push(arg);
        bytes += typeof arg === 'number' ? 8 : arg.length;
      }
      batch.push({ commit, index });
      if (commit.sent < commit.changes.length) this.#commits.push(commit);
    }
    return { batch, args };
  }

  async #sendBatch(batch: readonly Sent[], args: readonly ScriptArgument[]): Promise<void> {
    try {
      const replies = (await commitScript.run(this.#link, [batch.length, ...args])) as readonly unknown[];
      for (const [i, { commit, index }] of batch.entries()) {
        commit.outcomes[index] = outcomeOf(replies[i]);
        if (++commit.answered === commit.changes.length) commit.resolve(commit.outcomes);
      }
    } catch (error) {
      for (const { commit } of batch) this.#refuse(commit, error);
      // Without a connection each batch would wait for one by itself, one after the other.
      if (!this.#link.isReady) for (const commit of [...this.#commits]) this.#refuse(commit, error);
    }
  }

  /** What is left of it is not sent. */
  #refuse(commit: Commit, error: unknown): void {
    commit.reject(error);
    const at = this.#commits.indexOf(commit);
    if (at === -1) return;
    this.#commits.splice(at, 1);
    for (const change of commit.changes.slice(commit.sent)) {
      this.#waiting.changes--;
      this.#waiting.bytes -= bytesOf(change);
    }
  }
}

/** A copy of its bytes: who handed them in may write to them again. */
function withOwnBytes(change: JobChange): JobChange {
  const { input, output } = change;
  if (!input && !output) return change;
  return {
    ...change,
    ...(input && { input: Buffer.from(input) }),
    ...(output && { output: Buffer.from(output) }),
  };
}

function bytesOf({ input, output }: JobChange): number {
  return (input?.length ?? 0) + (output?.length ?? 0);
}
