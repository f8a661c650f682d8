import type { JobNote } from '../../core/job-store.ts';
import { noteOfRecord } from './record.ts';
import type { RedisLink } from './redis-link.ts';
import { rootKey, Script } from './script.ts';

/** What one call reads at most when there is something to catch up with. */
const pageSize = 1_000;
/** A Redis that was started again may have lost its last seconds: so many changes before are told again. */
const retoldChanges = 20_000;

/**
 * The last change of each job after a number, and removals after another. ARGV: number, number of removals, how many.
 * Reply: changes so far, the number of the last in this page, that of the last removal, removals, changes.
 */
const missedScript = new Script(`
local root, call = KEYS[1] .. ':', redis.call
local function after(key, number)
  return call('ZRANGEBYSCORE', root .. key, '(' .. number, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
end
local removals, changes = after('gone', ARGV[2]), after('changes', ARGV[1])
local gone, changed = {}, {}
for i = 1, #removals, 2 do gone[#gone + 1] = removals[i] end
for i = 1, #changes, 2 do changed[#changed + 1] = call('HGET', root .. 'job:' .. changes[i], 'x') end
return {
  call('GET', root .. 'seq') or '0', changes[#changes] or ARGV[1], removals[#removals] or ARGV[2], gone, changed
}
`);

export interface NoteFeedOptions {
  /** On which Redis is asked. */
  readonly link: RedisLink;
  /** On which it publishes. */
  readonly ear: RedisLink;
  readonly onFault: (error: Error) => void;
}

/**
 * Tells of each commit: what is published as it comes, and after a time without connection (or a gap in the numbers) first what was
 * missed. Each change has a number; a job that changed several times meanwhile is told of once, as it stands.
 */
export class NoteFeed {
  readonly #link: RedisLink;
  readonly #ear: RedisLink;
  readonly #onFault: (error: Error) => void;
  readonly #listeners = new Set<(note: JobNote) => void>();
  /** Number of the last change that was told. */
  #told: number | null = null;
  /** Number of the last change that was heard of since what was missed was last read. */
  #heard = 0;
  /** Which Redis it was: another one, or the same started again, has another name. */
  #runId = '';
  #isCatchingUp = false;
  #mustSubscribe = true;
  #isClosed = false;

  constructor({ link, ear, onFault }: NoteFeedOptions) {
    this.#link = link;
    this.#ear = ear;
    this.#onFault = onFault;
  }

  /** Resolves when all that is committed from now on will be told. */
  async open(): Promise<void> {
    this.#ear.listen(
      (text) => this.#hear(text),
      () => {
        this.#mustSubscribe = true;
        void this.#catchUp();
      },
    );
    await this.#ear.open();
    this.#isCatchingUp = true;
    await this.#resume();
    this.#isCatchingUp = false;
  }

  watch(listener: (note: JobNote) => void): () => void {
    const own = (note: JobNote) => listener(note);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** A connection that says nothing for long may be dead; one that is dead is made again. Goes on with what failed. */
  ping(): void {
    if (this.#told !== null && this.#mustSubscribe) void this.#catchUp();
    else void this.#ear.ask((client) => client.ping()).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    await this.#ear.close();
  }

  #hear(text: string): void {
    const [number = '', ...records] = text.split('\n');
    const first = Number(number);
    const last = first + records.length - 1;
    this.#heard = Math.max(this.#heard, last);
    if (this.#isCatchingUp || this.#told === null) return;
    if (first > this.#told + 1) void this.#catchUp();
    else if (last > this.#told) {
      this.#tell(records.slice(this.#told + 1 - first));
      this.#told = last;
    }
  }

  async #catchUp(): Promise<void> {
    if (this.#isCatchingUp || this.#isClosed || this.#told === null) return;
    this.#isCatchingUp = true;
    try {
      await this.#resume();
    } catch (error) {
      // The next connection, or the next ping, goes on from here.
      this.#mustSubscribe = true;
      if (!this.#isClosed && this.#link.isReady && this.#ear.isReady) this.#onFault(error as Error);
    } finally {
      this.#isCatchingUp = false;
    }
  }

  /** Until it has told all that it has heard of. */
  async #resume(): Promise<void> {
    do {
      this.#heard = 0;
      if (this.#mustSubscribe) await this.#subscribe();
      await this.#tellMissed(this.#told ?? 0);
    } while (this.#mustSubscribe || this.#heard > (this.#told ?? 0));
  }

  async #subscribe(): Promise<void> {
    this.#mustSubscribe = false;
    await this.#ear.ask((client) => client.subscribe(`${rootKey}:notes`));
    await this.#compareRun();
  }

  async #tellMissed(from: number): Promise<void> {
    let told = from;
    let goneTold = from;
    for (;;) {
      const page = await this.#missed(told, goneTold);
      this.#tell([...page.gone, ...page.changed]);
      [told, goneTold] = [page.lastChange, page.lastGone];
      if (page.gone.length < pageSize && page.changed.length < pageSize) {
        this.#told = page.changes;
        return;
      }
    }
  }

  /** Where to begin: at what is there now for the first time, further back after a restart of Redis. */
  async #compareRun(): Promise<void> {
    const info = await this.#link.ask((client) => client.info('server'));
    const runId = /run_id:(\w+)/.exec(info)?.[1] ?? '';
    if (runId === this.#runId) return;
    const changes = Number((await this.#link.ask((client) => client.get(`${rootKey}:seq`))) ?? 0);
    this.#runId = runId;
    this.#told = this.#told === null ? changes : Math.max(0, Math.min(this.#told, changes) - retoldChanges);
  }

  async #missed(told: number, goneTold: number) {
    const reply = await missedScript.run(this.#link, [told, goneTold, pageSize]);
    const [changes, lastChange, lastGone, gone, changed] = reply as [
      Buffer,
      Buffer,
      Buffer,
      Buffer[],
      Buffer[],
    ];
    return {
      changes: Number(changes),
      lastChange: Number(lastChange),
      lastGone: Number(lastGone),
      gone: gone.map(String),
      changed: changed.map(String),
    };
  }

  #tell(records: readonly string[]): void {
    if (this.#listeners.size === 0) return;
    for (const record of records) {
      const note = noteOfRecord(record);
      for (const listener of [...this.#listeners]) this.#tellOne(listener, note);
    }
  }

  #tellOne(listener: (note: JobNote) => void, note: JobNote): void {
    try {
      listener(note);
    } catch (error) {
      this.#onFault(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
