import type { JobSettings } from '../config/job-settings.ts';
import type { BlobStore } from '../core/blobs.ts';
import type { Invocation } from '../core/contract.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Job, JobError, JobResult } from '../core/job.ts';
import type { JobRank } from '../core/job-index.ts';
import type { JobStore } from '../core/job-store.ts';
import { Bodies, type KeptBody } from './bodies.ts';
import { changeAll, type Decide, type Written } from './commits.ts';
import { invocationOf } from './draft.ts';
import type { Failure } from './retry.ts';
import * as rules from './rules.ts';
import type { NewEvent, Step } from './step.ts';

/** What a book is kept in and by. */
export interface BookOptions {
  readonly store: JobStore;
  readonly blobs: BlobStore;
  /** Name of this process among those that share the store; another one after each start. */
  readonly owner: string;
  /** 0 to 1: spreads what is tried again. */
  readonly random: () => number;
  readonly settings: JobSettings;
}

/** What a backend answered, its bytes kept (`JobBook.keepOutput`). */
export interface JobAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly kept: KeptBody;
}

/** How a worker ends a job; a failure may have it tried again (retry.ts). */
export type JobEnd =
  | { readonly kind: 'succeeded'; readonly answer: JobAnswer }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly answer: JobAnswer | null }
  | { readonly kind: 'timed_out'; readonly error: JobError }
  | { readonly kind: 'canceled' };

/** Rounds of a claim: others may be faster in each. */
const mostRounds = 4;

/**
 * All that becomes of jobs: reads, lets the rules decide, commits, and does it again where somebody else was faster. A worker
 * passes the job as it last got it, with its lease; what it gets back is the job it goes on with, or null where it has lost the
 * lease (or the job has ended) and must stop: nothing was written then. All methods reject with store_unavailable; the same
 * call may be made again.
 */
export class JobBook {
  readonly store: JobStore;
  readonly bodies: Bodies;
  readonly #options: BookOptions;

  constructor(options: BookOptions) {
    const { store, blobs, settings } = options;
    this.#options = options;
    this.store = store;
    this.bodies = new Bodies({ ...{ store, blobs }, ...settings });
  }

  get settings(): JobSettings {
    return this.#options.settings;
  }

  /** Takes at most `count` jobs from the head of a model's queues up to a rank, in their order, each with a lease of `jobs.lease`. */
  async claim(model: string, maxRank: JobRank, count: number): Promise<readonly Job[]> {
    const claimed: Job[] = [];
    for (let round = 0; round < mostRounds && claimed.length < count; round++) {
      const wanted = count - claimed.length;
      const ids = await this.store.head(model, maxRank, wanted);
      const found = (await this.store.getMany(ids)).filter((job) => job !== null);
      const written = await this.#changeAll(found, (job, nowMs) =>
        rules.claim(job, this.#taker(nowMs), nowMs),
      );
      claimed.push(...written.map((it) => it?.job ?? null).filter(isMine));
      if (ids.length < wanted) break;
    }
    return claimed;
  }

  /** What the backend of a claimed job is asked, by the contract of its model. */
  async invocation(job: Job): Promise<Invocation> {
    return invocationOf(job, await this.bodies.whole(job, 'input'));
  }

  /** Keeps an answer as it comes; rejects with body_too_large, store_full. Passed to `finish` afterwards, or to `discard`. */
  keepOutput(job: Job, source: AsyncIterable<Buffer>, signal: AbortSignal): Promise<KeptBody> {
    return this.bodies.keepStream(source, { job: job.id, tenant: job.tenant }, signal);
  }

  /** Removes what was kept for a job and is not wanted. */
  discard(kept: KeptBody): Promise<void> {
    return this.bodies.drop(kept.body);
  }

  /** Holds the leases for another `jobs.lease`, all in one commit: each job, or null, in the order given. */
  async renew(jobs: readonly Job[]): Promise<readonly (Job | null)[]> {
    const tokens = new Map(jobs.map((job) => [job.id, tokenOf(job)]));
    const written = await this.#changeAll(jobs, (job, nowMs) =>
      rules.holds(job, tokens.get(job.id)!) ? rules.renew(job, this.#untilMs(nowMs), nowMs) : null,
    );
    return written.map((it) => it?.job ?? null);
  }

  /** Writes pieces of a job's output and logs, and holds its lease. */
  async append(job: Job, events: readonly NewEvent[]): Promise<Job | null> {
    return await this.#asHolder(job, (now, nowMs) =>
      rules.append(now, events, { nowMs, untilMs: this.#untilMs(nowMs) }),
    );
  }

  /** Nothing of it was processed: it takes its place in the queue again, to be claimed after `delayMs` (0: at once). */
  async giveBack(job: Job, delayMs: number): Promise<Job | null> {
    return await this.#asHolder(job, (now, nowMs) => rules.giveBack(now, delayMs, nowMs));
  }

  /**
   * Ends a job, or has it tried again where the failure says so; `events` are what is still to be told of it. An answer that is
   * not recorded (tried again, lease lost) is discarded.
   */
  async finish(job: Job, end: JobEnd, events: readonly NewEvent[] = []): Promise<Job | null> {
    const answer = 'answer' in end ? end.answer : null;
    const decide: Decide = (now, nowMs) => this.#ended(now, end, { nowMs, events });
    const written = await this.#asHolder(job, decide, answer?.kept.bytes ?? null);
    if (answer !== null && !refersTo(written ?? (await this.store.get(job.id)), answer.kept))
      await this.discard(answer.kept);
    return written;
  }

  /** Ends a job for its client, in whatever state; the job as it stands then, null: there is none. */
  async cancel(job: Job): Promise<Job | null> {
    const [after] = await this.cancelMany([job]);
    return after!;
  }

  /** As `cancel`, in one commit. */
  async cancelMany(jobs: readonly Job[]): Promise<readonly (Job | null)[]> {
    const written = await this.#changeAll(jobs, rules.cancel);
    const ids = jobs.filter((_, at) => written[at] === null).map(({ id }) => id);
    const unchanged = new Map((await this.store.getMany(ids)).map((job) => [job?.id, job]));
    return jobs.map(({ id }, at) => written[at]?.job ?? unchanged.get(id) ?? null);
  }

  /** A job that has ended begins a new life; null: there is none. Rejects with job_conflict. */
  async retry(job: Job): Promise<Job | null> {
    const [written] = await this.#changeAll([job], rules.revive);
    if (written === null || written === undefined) return await this.#unlessThere(job);
    await this.bodies.drop(written.before.result?.body);
    return written.job;
  }

  /** Removes a job that has ended, with all it left; returns whether it was there. Rejects with job_conflict. */
  async remove(job: Job): Promise<boolean> {
    const [written] = await this.#changeAll([job], (now) => (now.endedAtMs === null ? null : 'remove'));
    if (written === null || written === undefined) await this.#unlessThere(job);
    else await this.#dropAll(written.before);
    return written !== null && written !== undefined;
  }

  /** Does what time has made due for these jobs; `isOrphan`: who held the lease has ended. Returns how many were changed. */
  async look(ids: readonly string[], isOrphan: (owner: string) => boolean): Promise<number> {
    const found = (await this.store.getMany(ids)).filter((job) => job !== null);
    const written = await this.#changeAll(found, (job, nowMs) =>
      rules.look(job, nowMs, job.lease !== null && isOrphan(job.lease.owner)),
    );
    const changed = written.filter((it) => it !== null);
    for (const { before, job } of changed) if (job === null) await this.#dropAll(before);
    return changed.length;
  }

  /** Whether it is a lease of this process. */
  isOwn(owner: string): boolean {
    return owner === this.#options.owner;
  }

  #ended(job: Job, end: JobEnd, { nowMs, events }: { nowMs: number; events: readonly NewEvent[] }): Step {
    const by = { nowMs, events };
    if (end.kind === 'canceled') return rules.finish(job, { state: 'canceled' }, by);
    if (end.kind === 'timed_out') return rules.finish(job, { state: 'timed_out', error: end.error }, by);
    if (end.kind === 'succeeded')
      return rules.finish(job, { state: 'succeeded', result: resultOf(end.answer) }, by);
    const result = end.answer === null ? null : resultOf(end.answer);
    return rules.fail(job, end.failure, { ...by, random: this.#options.random(), result });
  }

  async #asHolder(job: Job, decide: Decide, output: Buffer | null = null): Promise<Job | null> {
    const token = tokenOf(job);
    const [written] = await changeAll(this.store, [job], {
      decide: (now, nowMs) => (rules.holds(now, token) ? decide(now, nowMs) : null),
      output,
    });
    return written?.job ?? null;
  }

  #changeAll(jobs: readonly Job[], decide: Decide): Promise<readonly (Written | null)[]> {
    return changeAll(this.store, jobs, { decide, output: null });
  }

  /** It was not changed: because it is not there (null), or because of its state. */
  async #unlessThere({ id }: Job): Promise<null> {
    const job = await this.store.get(id);
    if (job === null) return null;
    throw new PilotlightError('job_conflict', `job "${id}" has not ended: it is ${job.state}`);
  }

  async #dropAll(job: Job): Promise<void> {
    await this.bodies.drop(job.input.body);
    await this.bodies.drop(job.result?.body);
  }

  #taker(nowMs: number): rules.Taker {
    return { owner: this.#options.owner, untilMs: this.#untilMs(nowMs) };
  }

  #untilMs(nowMs: number): number {
    return nowMs + this.settings.leaseMs;
  }
}

function tokenOf(job: Job): number {
  if (job.lease === null)
    throw new PilotlightError('internal', `job "${job.id}" is passed without its lease`);
  return job.lease.token;
}

/** A claim may find that the time of a job is over: then it has ended instead. */
function isMine(job: Job | null): job is Job {
  return job?.state === 'running';
}

function resultOf({ status, contentType, headers, kept }: JobAnswer): JobResult {
  return { status, contentType, headers, body: kept.body };
}

function refersTo(job: Job | null, { body }: KeptBody): boolean {
  const recorded = job?.result?.body;
  return body.at === 'store' || (recorded?.at === 'blob' && recorded.blob === body.blob);
}
