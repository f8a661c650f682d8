import type { Clock } from '../../core/clock.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Job } from '../../core/job.ts';
import type { JobRank } from '../../core/job-index.ts';
import type { Backlog, Delivery, JobChange, JobNote, JobQuery, JobStore } from '../../core/job-store.ts';
import { CommitQueue } from './commit-queue.ts';
import { RedisDocuments } from './documents.ts';
import { NoteFeed } from './note-feed.ts';
import { settleDelivery, takeDeliveries } from './outbox.ts';
import { events, head, list, members } from './read-scripts.ts';
import { closedError, RedisLink } from './redis-link.ts';
import { RedisTime } from './redis-time.ts';
import { rootKey } from './script.ts';
import { faultsOf } from './server-check.ts';

export interface RedisStoreOptions {
  /** redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// with TLS. */
  readonly url: string;
  readonly clock: Clock;
  /**
   * Told of what goes wrong while nobody asks (a connection that is lost, once each time) and of what makes Redis keep less than it
   * could. Never holds a password or what a job holds.
   */
  readonly onFault: (error: Error) => void;
}

/**
 * Opens a store in Redis (7 or later), which several gateways share. Rejects with store_unavailable when it cannot be reached within
 * 10 s, or would throw jobs away by itself. What was committed is as durable as Redis makes it: with `appendfsync always` it
 * is on disk, with `everysec` the last second (or two, under load) may be lost with the machine or the process of Redis.
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<JobStore> {
  const link = new RedisLink(options);
  const ear = new RedisLink(options);
  const store = new RedisStore(link, ear, options);
  try {
    await store.open(options.onFault);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

class RedisStore implements JobStore {
  readonly kind = 'redis';
  readonly isShared = true;
  readonly documents: RedisDocuments;
  readonly #link: RedisLink;
  readonly #queue: CommitQueue;
  readonly #time: RedisTime;
  readonly #feed: NoteFeed;
  #closing: Promise<void> | null = null;

  constructor(link: RedisLink, ear: RedisLink, { clock, onFault }: RedisStoreOptions) {
    this.#link = link;
    this.#queue = new CommitQueue(link);
    this.#time = new RedisTime(link, clock);
    this.#feed = new NoteFeed({ link, ear, onFault });
    this.documents = new RedisDocuments(link);
  }

  async open(onFault: (error: Error) => void): Promise<void> {
    await this.#link.open();
    const { fatal, lasting } = faultsOf(await this.#link.ask((client) => client.info()));
    if (fatal) throw new PilotlightError('store_unavailable', `store: ${fatal}`);
    for (const fault of lasting) onFault(new Error(`store: ${fault}`));
    await Promise.all([this.#time.sync(), this.#feed.open()]);
    this.#time.start(() => this.#feed.ping());
  }

  nowMs(): number {
    return this.#time.nowMs();
  }

  commit(changes: readonly JobChange[]) {
    if (this.#closing) return Promise.reject(closedError());
    return this.#queue.commit(changes);
  }

  async get(id: string): Promise<Job | null> {
    const text = await this.#link.ask((client) => client.hget(jobKey(id), 'job'));
    return text === null ? null : JSON.parse(text);
  }

  getMany(ids: readonly string[]): Promise<readonly (Job | null)[]> {
    return Promise.all(ids.map((id) => this.get(id)));
  }

  body(id: string, part: 'input' | 'output'): Promise<Buffer | null> {
    return this.#link.ask((client) => client.hgetBuffer(jobKey(id), part));
  }

  head(model: string, maxRank: JobRank, limit: number) {
    return head(this.#link, model, maxRank, limit);
  }

  async due(nowMs: number, limit: number): Promise<readonly string[]> {
    if (limit <= 0) return [];
    return this.#link.ask((client) =>
      client.zrangebyscore(`${rootKey}:due`, '-inf', nowMs, 'LIMIT', 0, limit),
    );
  }

  nextDueMs(): Promise<number | null> {
    return this.#firstScore('due');
  }

  list(query: JobQuery) {
    return list(this.#link, query);
  }

  async counts(of: { readonly model: string } | { readonly group: string }) {
    const key = 'model' in of ? `model:${of.model}` : `group:${of.group}`;
    const counts = await this.#link.ask((client) => client.hgetall(`${rootKey}:count:${key}`));
    return Object.fromEntries(Object.entries(counts).map(([state, count]) => [state, Number(count)]));
  }

  async backlog(): Promise<readonly Backlog[]> {
    const counts = await this.#link.ask((client) => client.hgetall(`${rootKey}:backlog`));
    const byModel = new Map<string, [number, number, number]>();
    for (const [field, count] of Object.entries(counts)) {
      const model = field.slice(2);
      const byRank = byModel.get(model) ?? [0, 0, 0];
      byRank[Number(field[0])] = Number(count);
      byModel.set(model, byRank);
    }
    return [...byModel].map(([model, byRank]) => ({ model, byRank }));
  }

  groupMembers(group: string, fromIndex: number, limit: number) {
    return members(this.#link, group, fromIndex, limit);
  }

  events(id: string, afterSeq: number, limit: number) {
    return events(this.#link, id, afterSeq, limit);
  }

  watch(listener: (note: JobNote) => void): () => void {
    return this.#feed.watch(listener);
  }

  takeDeliveries(nowMs: number, untilMs: number, limit: number) {
    return takeDeliveries(this.#link, nowMs, untilMs, limit);
  }

  settleDelivery(taken: Delivery, next: Delivery | null) {
    return settleDelivery(this.#link, taken, next);
  }

  nextDeliveryMs(): Promise<number | null> {
    return this.#firstScore('outbox');
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#time.close();
    if (this.#link.isReady) await this.#queue.idle();
    await this.#feed.close();
    await this.#link.close();
  }

  async #firstScore(key: string): Promise<number | null> {
    const [, score] = await this.#link.ask((client) =>
      client.zrange(`${rootKey}:${key}`, '0', '0', 'WITHSCORES'),
    );
    return score === undefined ? null : Number(score);
  }
}

function jobKey(id: string): string {
  return `${rootKey}:job:${id}`;
}
