import type { BlobStore } from '../core/blobs.ts';
import type { Clock } from '../core/clock.ts';
import type { JobDesk, JobOrder } from '../core/desk.ts';
import { PilotlightError } from '../core/errors.ts';
import { isEnded, type Job, type JobEvent } from '../core/job.ts';
import type { DocumentStore, JobPage, JobQuery } from '../core/job-store.ts';
import type { Caller } from '../core/surface.ts';
import type { JobBook } from './book.ts';
import { eventsOf, type FollowingOptions, waitForEnd } from './following.ts';
import { Intake } from './intake.ts';
import { JobWatch } from './watch.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';

/** What a desk of jobs is built from. */
export interface BookDeskOptions {
  readonly book: JobBook;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly secrets: WebhookSecrets;
  /** As surfaces get them. */
  readonly documents: DocumentStore;
  /** Why no webhook goes to this url, in words for its client; null: it may. */
  readonly webhookFault: (url: string) => string | null;
}

/** Jobs that are canceled in one commit. */
const pageLength = 250;

/** The desk of jobs, on a book: each tenant sees its own jobs. */
export class BookDesk implements JobDesk {
  readonly documents: DocumentStore;
  readonly blobs: BlobStore;
  readonly #options: BookDeskOptions;
  readonly #book: JobBook;
  readonly #intake: Intake;
  readonly #following: FollowingOptions;

  constructor(options: BookDeskOptions) {
    const { book, blobs, clock, documents } = options;
    const { store } = book;
    this.#options = options;
    this.#book = book;
    this.#intake = new Intake(book);
    this.#following = { store, clock, watch: new JobWatch(store) };
    this.documents = documents;
    this.blobs = blobs;
  }

  async create(order: JobOrder, caller: Caller): Promise<{ readonly job: Job; readonly isNew: boolean }> {
    const { webhook } = order;
    const fault = webhook === null ? null : this.#options.webhookFault(webhook.url);
    if (fault !== null) throw new PilotlightError('bad_request', `webhook: ${fault}`, { param: 'webhook' });
    return await this.#intake.create(order, caller);
  }

  createMany(orders: readonly JobOrder[], caller: Caller): Promise<void> {
    return this.#intake.createMany(orders, caller);
  }

  async get(id: string, { tenant }: Caller): Promise<Job | null> {
    const job = await this.find(id);
    return job?.tenant === tenant ? job : null;
  }

  find(id: string): Promise<Job | null> {
    return this.#book.store.get(id);
  }

  async wait(id: string, forMs: number, caller: Caller): Promise<Job | null> {
    const job = await this.get(id, caller);
    if (job === null || isEnded(job.state) || forMs <= 0) return job;
    return await waitForEnd(id, forMs, { ...this.#following, signal: caller.signal });
  }

  async cancel(id: string, caller: Caller): Promise<Job | null> {
    const job = await this.get(id, caller);
    return job === null ? null : await this.#book.cancel(job);
  }

  async retry(id: string, caller: Caller): Promise<Job | null> {
    const job = await this.get(id, caller);
    return job === null ? null : await this.#book.retry(job);
  }

  async remove(id: string, caller: Caller): Promise<boolean> {
    const job = await this.get(id, caller);
    return job !== null && (await this.#book.remove(job));
  }

  list(query: Omit<JobQuery, 'tenant'>, { tenant }: Caller): Promise<JobPage> {
    return this.#book.store.list({ ...query, tenant });
  }

  async purge(of: { readonly surface: string; readonly model: string }, caller: Caller): Promise<number> {
    let purged = 0;
    let before: string | null = null;
    do {
      const query = { ...of, states: ['queued' as const], limit: pageLength };
      const page: JobPage = await this.list(before === null ? query : { ...query, before }, caller);
      const canceled = await this.#book.cancelMany(page.jobs);
      purged += canceled.filter((job) => job?.state === 'canceled').length;
      before = page.next;
    } while (before !== null);
    return purged;
  }

  counts(of: { readonly model: string } | { readonly group: string }) {
    return this.#book.store.counts(of);
  }

  async cancelGroup(group: string): Promise<void> {
    for (let from = 0; ; ) {
      const page = await this.groupMembers(group, from, pageLength);
      await this.#book.cancelMany(page.filter(({ state }) => !isEnded(state)));
      if (page.length < pageLength) return;
      from = page.at(-1)!.group!.index + 1;
    }
  }

  groupMembers(group: string, fromIndex: number, limit: number): Promise<readonly Job[]> {
    return this.#book.store.groupMembers(group, fromIndex, limit);
  }

  read(job: Job, part: 'input' | 'output'): AsyncIterable<Buffer> {
    return this.#book.bodies.read(job, part);
  }

  async events(id: string, afterSeq: number, limit: number, caller: Caller): Promise<readonly JobEvent[]> {
    const job = await this.get(id, caller);
    return job === null ? [] : await this.#book.store.events(id, afterSeq, limit);
  }

  async *follow(id: string, afterSeq: number, caller: Caller): AsyncIterable<JobEvent> {
    const job = await this.get(id, caller);
    if (job === null) throw new PilotlightError('job_not_found', `job "${id}" is not there`);
    yield* eventsOf(job, afterSeq, { ...this.#following, signal: caller.signal });
  }

  webhookSecret({ tenant }: Caller): Promise<string> {
    return this.#options.secrets.current(tenant);
  }

  rotateWebhookSecret({ tenant }: Caller): Promise<string> {
    return this.#options.secrets.rotate(tenant);
  }

  /** From now on nobody is told of anything. */
  close(): void {
    this.#following.watch.close();
  }
}
