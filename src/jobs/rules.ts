import { isEnded, type Job, type JobError, type JobLimits, type JobResult } from '../core/job.ts';
import { backOffMs, type Failure, verdictOf } from './retry.ts';
import { type Change, type NewEvent, type Step, stepFrom } from './step.ts';

/** How an attempt ends a job. */
export type Ending =
  | { readonly state: 'succeeded'; readonly result: JobResult }
  | { readonly state: 'failed'; readonly error: JobError; readonly result: JobResult | null }
  | { readonly state: 'timed_out'; readonly error: JobError }
  | { readonly state: 'canceled' };

/** Who takes a job, and until when it is theirs by the store's clock. */
export interface Taker {
  readonly owner: string;
  readonly untilMs: number;
}

/** A job whose backend died under it so many times is what kills it. */
const mostDeaths = 2;

/** Gives a queued job to a worker; the step is its end where its time is over; null: it cannot be claimed. */
export function claim(job: Job, { owner, untilMs }: Taker, nowMs: number): Step | null {
  if (job.state !== 'queued') return null;
  const late = lateStep(job, nowMs);
  if (late !== null) return late;
  if (job.notBeforeMs !== null && job.notBeforeMs > nowMs) return null;
  const token = job.lastToken + 1;
  const lease = { owner, token, untilMs };
  const attempts = job.attempts + 1;
  return stepFrom(job, nowMs, {
    state: 'running',
    fields: { attempts, lease, lastToken: token, startedAtMs: nowMs, notBeforeMs: null },
  });
}

/** Whether who holds this token may still write. */
export function holds(job: Job, token: number): boolean {
  return !isEnded(job.state) && job.lease !== null && job.lease.token === token;
}

/** The lease holds until `untilMs`. */
export function renew(job: Job, untilMs: number, nowMs: number): Step {
  return stepFrom(job, nowMs, { fields: { lease: { ...job.lease!, untilMs } } });
}

/** Pieces of its output and logs, and the lease with them. With its first output a job streams. */
export function append(job: Job, events: readonly NewEvent[], by: { nowMs: number; untilMs: number }): Step {
  const lease = { ...job.lease!, untilMs: by.untilMs };
  const isFirst = job.state === 'running' && events.some(({ type }) => type === 'output');
  const change: Change = { fields: { lease }, events };
  return stepFrom(job, by.nowMs, isFirst ? { ...change, state: 'streaming' } : change);
}

/** The end of a job. One that its client wanted ended is canceled, unless it succeeded before. */
export function finish(job: Job, ending: Ending, by: { nowMs: number; events?: readonly NewEvent[] }): Step {
  const isCanceled = job.isCancelRequested && ending.state !== 'succeeded';
  const { state, ...rest }: Ending = isCanceled ? { state: 'canceled' } : ending;
  const fields = { ...endOf(by.nowMs), ...rest };
  return stepFrom(job, by.nowMs, { state, fields, events: by.events ?? [] });
}

/** Nothing of it was processed: it takes its place in the queue again, after `delayMs`, and the attempt does not count. */
export function giveBack(job: Job, delayMs: number, nowMs: number): Step {
  return back(job, { attempts: job.attempts - 1, startedAtMs: null }, { nowMs, delayMs });
}

/** How a failed attempt is judged, and what is kept of it where it was the last. */
export interface Judging {
  readonly nowMs: number;
  /** 0 to 1. */
  readonly random: number;
  readonly result: JobResult | null;
  /** Not told yet; void where it is tried again. */
  readonly events: readonly NewEvent[];
}

/** What comes of a failed attempt: another one, or the end. */
export function fail(job: Job, failure: Failure, { nowMs, random, result, events }: Judging): Step {
  const by = { nowMs, events };
  const { code, message, status } = failure;
  const error = { code, message, status };
  const verdict = verdictOf(failure);
  if (verdict === 'unsent') return giveBack(job, unsentDelayMs(failure, random), nowMs);
  if (verdict === 'timed_out') return finish(job, { state: 'timed_out', error }, by);
  if (verdict === 'never') return finish(job, { state: 'failed', error, result }, by);
  const deaths = job.deaths + (verdict === 'died' ? 1 : 0);
  const dead = { ...job, deaths };
  if (deaths >= mostDeaths) return finish(dead, { state: 'failed', error: diedOf(message), result }, by);
  if (job.attempts >= job.limits.maxAttempts) return finish(dead, { state: 'failed', error, result }, by);
  return back(job, { deaths }, { nowMs, delayMs: backOffMs(job.attempts, failure, random) });
}

/** A gateway that shuts down hands over at once, to those that stay. */
function unsentDelayMs(failure: Failure, random: number): number {
  return failure.code === 'draining' ? 0 : backOffMs(1, failure, random);
}

function diedOf(message: string): JobError {
  return {
    code: 'backend_died',
    message: `the backend died ${mostDeaths} times under it, at last: ${message}`,
    status: null,
  };
}

function back(
  job: Job,
  fields: Change['fields'],
  { nowMs, delayMs }: { nowMs: number; delayMs: number },
): Step {
  if (job.isCancelRequested) return finish(job, { state: 'canceled' }, { nowMs });
  const events: NewEvent[] = job.state === 'streaming' ? [{ type: 'reset', data: '' }] : [];
  const notBeforeMs = delayMs > 0 ? nowMs + delayMs : null;
  return stepFrom(job, nowMs, { state: 'queued', fields: { lease: null, notBeforeMs, ...fields }, events });
}

/** Its client wants it ended: at once where nobody runs it, else whoever runs it is told; null: there is nothing to do. */
export function cancel(job: Job, nowMs: number): Step | null {
  if (isEnded(job.state) || job.isCancelRequested) return null;
  if (job.state === 'queued')
    return finish({ ...job, isCancelRequested: true }, { state: 'canceled' }, { nowMs });
  return stepFrom(job, nowMs, { fields: { isCancelRequested: true } });
}

/** A new life of a job that has ended, with as much time as it had before; null: it has not ended. */
export function revive(job: Job, nowMs: number): Step | null {
  if (!isEnded(job.state)) return null;
  const { limits, queuedAtMs } = job;
  const shifted = (ms: number | null): number | null => (ms === null ? null : ms - queuedAtMs + nowMs);
  const { beginByMs, endByMs, forceAtMs } = limits;
  const times = { beginByMs: shifted(beginByMs), endByMs: shifted(endByMs), forceAtMs: shifted(forceAtMs) };
  return stepFrom(job, nowMs, {
    state: 'queued',
    isNewLife: true,
    events: [{ type: 'reset', data: '' }],
    fields: {
      ...{ limits: { ...limits, ...times }, priority: forceAtMs === null ? job.priority : 'low' },
      ...{ queuedAtMs: nowMs, startedAtMs: null, endedAtMs: null, notBeforeMs: null },
      ...{ attempts: 0, deaths: 0, lease: null, isCancelRequested: false, result: null, error: null },
    },
  });
}

/** What time has made of a job. `isOrphan`: who held its lease has ended. null: nothing. */
export function look(job: Job, nowMs: number, isOrphan: boolean): Step | 'remove' | null {
  const { state, limits, lease } = job;
  if (isEnded(state)) return (job.endedAtMs ?? job.createdAtMs) + limits.keepMs <= nowMs ? 'remove' : null;
  if (state === 'queued') return lateStep(job, nowMs) ?? readyStep(job, nowMs);
  if (isOver(limits.endByMs, nowMs)) return overStep(job, nowMs);
  return isOrphan || lease === null || lease.untilMs <= nowMs ? lapse(job, nowMs) : null;
}

/** Waited long enough: for its next attempt, or for others to leave it room. */
function readyStep(job: Job, nowMs: number): Step | null {
  const isReady = isOver(job.notBeforeMs, nowMs);
  const isForced = job.priority === 'low' && isOver(job.limits.forceAtMs, nowMs);
  if (!isReady && !isForced) return null;
  const fields = {
    ...(isReady ? { notBeforeMs: null } : {}),
    ...(isForced ? { priority: 'normal' as const } : {}),
  };
  return stepFrom(job, nowMs, { fields });
}

function lateStep(job: Job, nowMs: number): Step | null {
  const { beginByMs, endByMs }: JobLimits = job.limits;
  if (job.attempts > 0) return isOver(endByMs, nowMs) ? overStep(job, nowMs) : null;
  if (!isOver(beginByMs, nowMs) && !isOver(endByMs, nowMs)) return null;
  const error = expiredOf(`it had not begun ${nowMs - job.queuedAtMs} ms after it was asked for`);
  return stepFrom(job, nowMs, { state: 'expired', fields: { ...endOf(nowMs), error } });
}

function overStep(job: Job, nowMs: number): Step {
  const error = expiredOf(`it had not ended ${nowMs - job.queuedAtMs} ms after it was asked for`);
  return finish(job, { state: 'timed_out', error }, { nowMs });
}

/** Its worker was not heard of any more. What it had sent to a backend is not known. */
function lapse(job: Job, nowMs: number): Step {
  if (job.attempts < job.limits.maxAttempts) return back(job, {}, { nowMs, delayMs: 0 });
  const message = `the gateway that ran it ended in the middle of attempt ${job.attempts} of ${job.limits.maxAttempts}`;
  const error = { code: 'job_interrupted', message, status: null };
  return finish(job, { state: 'failed', error, result: null }, { nowMs });
}

function endOf(nowMs: number) {
  return { lease: null, endedAtMs: nowMs, notBeforeMs: null };
}

function expiredOf(message: string): JobError {
  return { code: 'job_expired', message, status: null };
}

function isOver(atMs: number | null, nowMs: number): boolean {
  return atMs !== null && atMs <= nowMs;
}
