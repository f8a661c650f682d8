import { createHash } from 'node:crypto';
import { PilotlightError } from '../core/errors.ts';
import { type DeliveryEvent, isEnded, type Job, type JobEvent, type JobState } from '../core/job.ts';
import type { Delivery } from '../core/job-store.ts';

/** What becomes of a job by one change, to be committed whole against the version before it. */
export interface Step {
  /** The next version. */
  readonly job: Job;
  readonly events: readonly JobEvent[];
  readonly deliveries: readonly Delivery[];
}

/** An event that has no number yet. */
export interface NewEvent {
  readonly type: 'output' | 'logs' | 'reset';
  readonly data: string;
}

/** A change to make: fields, and perhaps another state. */
export interface Change {
  readonly state?: JobState;
  readonly fields?: Omit<Partial<Job>, 'id' | 'version' | 'state' | 'lastSeq' | 'toldAtMs'>;
  readonly events?: readonly NewEvent[];
  /** Its client has it begin anew: what was told in the life before does not count. */
  readonly isNewLife?: boolean;
}

/** `output` and `logs` are told at most each so many milliseconds. */
export const tellEveryMs = 500;

/** The table above JobState: which states may follow which. */
const afterRunning = ['queued', 'succeeded', 'failed', 'canceled', 'timed_out'] as const;
const followers: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['running', 'failed', 'canceled', 'expired', 'timed_out'],
  running: ['streaming', ...afterRunning],
  streaming: afterRunning,
  succeeded: ['queued'],
  failed: ['queued'],
  canceled: ['queued'],
  expired: ['queued'],
  timed_out: ['queued'],
};

/** Whether the table has a way from one state to the other. */
export function mayFollow(from: JobState, to: JobState): boolean {
  return followers[from].includes(to);
}

/** The next version of a job, its events numbered and its webhooks told. Throws internal for a way that the table does not have. */
export function stepFrom(job: Job, nowMs: number, change: Change): Step {
  const { state = job.state, fields = {} } = change;
  if (state !== job.state && !mayFollow(job.state, state))
    throw new PilotlightError('internal', `job "${job.id}" cannot go from ${job.state} to ${state}`);
  const events = numbered(job, nowMs, happenings(job.state, state, change.events ?? []));
  const next = { ...job, ...fields, state, version: job.version + 1, lastSeq: job.lastSeq + events.length };
  return { events, ...told(next, nowMs, { events, before: job, isNewLife: change.isNewLife ?? false }) };
}

/** A job streams from its first piece on; any other state comes after what was told before it. */
function happenings(from: JobState, to: JobState, events: readonly NewEvent[]) {
  if (from === to) return events;
  const turn = { type: 'state', data: to } as const;
  return to === 'streaming' ? [turn, ...events] : [...events, turn];
}

function numbered(job: Job, atMs: number, events: readonly Pick<JobEvent, 'type' | 'data'>[]): JobEvent[] {
  return events.map(({ type, data }, at) => ({ seq: job.lastSeq + 1 + at, atMs, type, data }));
}

interface Telling {
  readonly events: readonly JobEvent[];
  readonly before: Job;
  readonly isNewLife: boolean;
}

function told(job: Job, nowMs: number, telling: Telling): Pick<Step, 'job' | 'deliveries'> {
  const before = telling.isNewLife ? {} : job.toldAtMs;
  if (job.webhook === null) return { job: { ...job, toldAtMs: before }, deliveries: [] };
  const toldAtMs = { ...before };
  const deliveries: Delivery[] = [];
  for (const event of subjects(job, telling)) {
    const dueAtMs = event === 'completed' ? nowMs : nextTelling(event, before[event], nowMs);
    if (dueAtMs === null || !job.webhook.events.includes(event)) continue;
    if (event !== 'completed') toldAtMs[event] = dueAtMs;
    const id = deliveryId(job, event);
    deliveries.push({ id, jobId: job.id, event, createdAtMs: nowMs, dueAtMs, attempts: 0 });
  }
  return { job: { ...job, toldAtMs }, deliveries };
}

/** What there is to tell of this step, in the order in which it is told. */
function subjects(job: Job, { events, before }: Telling): readonly DeliveryEvent[] {
  const hasTurned = job.state !== before.state;
  const isWhole = hasTurned && job.state === 'succeeded' && before.state === 'running';
  const found: DeliveryEvent[] = [];
  if (hasTurned && job.state === 'running') found.push('start');
  if (isWhole || events.some(({ type }) => type === 'output')) found.push('output');
  if (events.some(({ type }) => type === 'logs')) found.push('logs');
  if (hasTurned && isEnded(job.state)) found.push('completed');
  return found;
}

/** When this is to be told; null: it was, or is about to be (what is told then is the job as it stands then). */
function nextTelling(event: 'start' | 'output' | 'logs', lastMs: number | undefined, nowMs: number) {
  if (lastMs === undefined) return nowMs;
  if (event === 'start' || lastMs > nowMs) return null;
  return Math.max(nowMs, lastMs + tellEveryMs);
}

/** The same for the same version of a job, whatever its id is made of: it goes into a header field. */
function deliveryId(job: Job, event: DeliveryEvent): string {
  const of = JSON.stringify([job.id, job.createdAtMs, job.version, event]);
  return `msg_${createHash('sha256').update(of).digest('base64url').slice(0, 32)}`;
}
