import type { Cancel } from '../core/clock.ts';
import { toPilotlightError } from '../core/errors.ts';
import { isEnded, type Job } from '../core/job.ts';
import type { JobNote } from '../core/job-store.ts';
import { type Attempted, attempt, type RunOptions } from './attempt.ts';

/** What a worker runs jobs with, and tells. */
export interface WorkerOptions extends RunOptions {
  /** Something went wrong that is no failure of a job. */
  onFault(error: unknown): void;
}

/** Between two tries to write how a job ended. */
const firstRetryMs = 100;
const longestRetryMs = 2_000;

/** A job that runs here. */
interface Run {
  /** As it was last written. */
  job: Job;
  /** By the store's clock; beyond it, it may be run by somebody else. */
  leaseUntilMs: number;
  readonly life: AbortController;
  isCanceled: boolean;
}

/**
 * Runs claimed jobs: holds their leases, writes their pieces, and ends them. What was canceled is aborted at its backend, and so
 * is what this worker has lost: another one may run it.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #runById = new Map<string, Run>();
  /** Canceled before it was known here that they were claimed. */
  readonly #canceledEarly = new Set<string>();
  readonly #closing = new AbortController();
  readonly #courses = new Set<Promise<void>>();
  #cancelRenewal: Cancel | null = null;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Runs a job that was just claimed; `onEntered`: it is on its way to the gate, or will not go there. */
  run(job: Job, onEntered: () => void): Promise<void> {
    const course = this.#course(job, onEntered);
    this.#courses.add(course);
    return course.finally(() => this.#courses.delete(course));
  }

  async #course(job: Job, onEntered: () => void): Promise<void> {
    const run: Run = {
      job,
      leaseUntilMs: job.lease?.untilMs ?? 0,
      life: new AbortController(),
      isCanceled: false,
    };
    this.#runById.set(job.id, run);
    this.#scheduleRenewal();
    if (job.isCancelRequested || this.#canceledEarly.has(job.id)) this.#cancel(run);
    const attempted = await attempt(this.#options, job, {
      signal: run.life.signal,
      onEntered,
      write: async (events) => this.#took(run, await this.#options.book.append(run.job, events)),
    });
    await this.#end(run, attempted);
    // Lost, it may have been claimed here once more.
    if (this.#runById.get(job.id) === run) this.#runById.delete(job.id);
  }

  /** Something was committed, by whomever; `isClaiming`: what is claimed may not be known here yet. */
  noted({ id, state, version, isCancelRequested }: JobNote, isClaiming: boolean): void {
    const run = this.#runById.get(id);
    if (run === undefined) {
      if (isClaiming && isCancelRequested && state === 'running') this.#canceledEarly.add(id);
      return;
    }
    // Of before it was claimed.
    if (version < run.job.version) return;
    if (isCancelRequested) this.#cancel(run);
    // Ended, queued again or removed, and not by this run: that would be the last thing it does.
    if (state === null || state === 'queued' || isEnded(state)) run.life.abort(new Error('ended elsewhere'));
  }

  /** No claim is under way: what was canceled early is not to come any more. */
  forgetEarly(): void {
    this.#canceledEarly.clear();
  }

  /** Resolves when all that runs has ended and is written. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#courses);
  }

  /** What cannot be written is left as it is: its lease runs out. */
  close(): void {
    this.#closing.abort(new Error('the worker is closed'));
    this.#cancelRenewal?.();
    for (const { life } of this.#runById.values()) life.abort(new Error('the worker is closed'));
  }

  #cancel(run: Run): void {
    run.isCanceled = true;
    run.life.abort(new Error('canceled'));
  }

  #took(run: Run, job: Job | null): void {
    if (job === null) {
      run.life.abort(new Error('the lease is lost'));
      return;
    }
    run.job = job;
    run.leaseUntilMs = job.lease?.untilMs ?? run.leaseUntilMs;
    if (job.isCancelRequested) this.#cancel(run);
  }

  /** Tried until it is written, or somebody else has the job. */
  async #end(run: Run, { end, events }: Attempted): Promise<void> {
    const { book, clock, onFault } = this.#options;
    const made = end ?? (run.isCanceled ? ({ kind: 'canceled' } as const) : null);
    if (made === null) return;
    for (let delayMs = firstRetryMs; ; delayMs = Math.min(longestRetryMs, 2 * delayMs)) {
      try {
        await book.finish(run.job, made, events);
        return;
      } catch (error) {
        const { code } = toPilotlightError(error);
        const mayPass = code === 'store_unavailable' || code === 'store_full';
        if (!mayPass || delayMs === firstRetryMs) onFault(error);
        if (!mayPass || this.#closing.signal.aborted) return;
      }
      await clock.sleep(delayMs, this.#closing.signal).catch(() => undefined);
    }
  }

  #scheduleRenewal(): void {
    const { clock, book } = this.#options;
    if (this.#closing.signal.aborted) return;
    this.#cancelRenewal ??= clock.setTimer(clock.nowMs() + book.settings.leaseMs / 3, () => {
      void this.#renew().finally(() => {
        this.#cancelRenewal = null;
        if (this.#runById.size > 0) this.#scheduleRenewal();
      });
    });
  }

  async #renew(): Promise<void> {
    const { book, onFault } = this.#options;
    const runs = [...this.#runById.values()].filter(({ life }) => !life.signal.aborted);
    try {
      const jobs = await book.renew(runs.map(({ job }) => job));
      for (const [at, run] of runs.entries()) if (this.#isHere(run)) this.#took(run, jobs[at]!);
    } catch (error) {
      onFault(error);
      const nowMs = book.store.nowMs();
      for (const run of runs)
        if (run.leaseUntilMs <= nowMs) run.life.abort(new Error('the lease has run out'));
    }
  }

  /** It may have ended while it was renewed, by its own hand. */
  #isHere(run: Run): boolean {
    return this.#runById.get(run.job.id) === run;
  }
}
