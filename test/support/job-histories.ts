import fc from 'fast-check';
import { endStates, type Job, type JobEvent, type JobState } from '../../src/core/job.ts';
import type { Delivery } from '../../src/core/job-store.ts';
import { aJob, nextOf, storedResult, unlimited } from './job.ts';

/** A step of a random history. What it means depends on what stands when it comes; `stale`: against a version that does not. */
export type Step =
  | { readonly kind: 'add'; readonly job: Job; readonly input: Buffer; readonly deliveries: number }
  | { readonly kind: 'change'; readonly id: string; readonly stale: boolean; readonly draw: Draw }
  | { readonly kind: 'remove'; readonly id: string; readonly stale: boolean }
  | { readonly kind: 'take'; readonly nowMs: number; readonly limit: number }
  | { readonly kind: 'settle'; readonly pick: number; readonly dueAtMs: number | null }
  | { readonly kind: 'reopen' };

/** What becomes of a job in its next version. */
export interface Draw {
  readonly state: JobState;
  readonly priority: Job['priority'];
  readonly instantMs: number;
  readonly isWaiting: boolean;
  readonly output: string | null;
  readonly events: number;
  readonly deliveries: number;
}

export const models = ['llama', 'qwen'];
export const groups = ['batch-1', 'batch-2'];
export const tenants = ['app', 'other'];
export const surfaces = ['jobs', 'runpod'];

/** Few ids and few instants, so that they meet. */
const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const instant = fc.integer({ min: 1, max: 9 }).map((n) => n * 1_000);
const id = fc.constantFrom(...ids);
const priority = fc.constantFrom('high', 'normal', 'low');
const stale = fc.integer({ min: 0, max: 5 }).map((n) => n === 0);

const job = fc
  .record({
    id,
    model: fc.constantFrom(...models),
    tenant: fc.constantFrom(...tenants),
    surface: fc.constantFrom(...surfaces),
    priority,
    queuedAtMs: instant,
    createdAtMs: instant,
    idempotencyKey: fc.constantFrom(null, null, 'key-1', 'key-2'),
    limits: fc.record({ beginByMs: fc.option(instant), forceAtMs: fc.option(instant) }),
    group: fc.option(fc.constantFrom(...groups)),
  })
  .map(({ limits, group, ...given }) =>
    aJob({
      ...given,
      limits: { ...unlimited, ...limits },
      group: group === null ? null : { id: group, index: ids.indexOf(given.id) * 3 },
    }),
  );

const draw: fc.Arbitrary<Draw> = fc.record({
  state: fc.constantFrom<JobState>('queued', 'running', 'streaming', ...endStates),
  priority,
  instantMs: instant,
  isWaiting: fc.boolean(),
  output: fc.option(fc.string()),
  events: fc.constantFrom(0, 0, 1, 3, 600),
  deliveries: fc.constantFrom(0, 0, 1, 2),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add'),
      job,
      input: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      deliveries: fc.constantFrom(0, 1),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('change'), id, stale, draw }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove'), id, stale }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('take'),
      nowMs: instant,
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('settle'), pick: fc.nat(), dueAtMs: fc.option(instant) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

/** Histories of a store, as long as `maxLength` steps. */
export function histories(maxLength: number): fc.Arbitrary<readonly Step[]> {
  return fc.array(step, { minLength: 1, maxLength, size: 'max' });
}

/** The version after `last` that a draw makes. */
export function drawnFrom(last: Job, { state, priority, instantMs, isWaiting, output, events }: Draw): Job {
  const isRunning = state === 'running' || state === 'streaming';
  return nextOf(last, {
    state,
    priority,
    queuedAtMs: instantMs,
    notBeforeMs: state === 'queued' && isWaiting ? instantMs : null,
    lease: isRunning ? { owner: 'gateway-1', token: last.version, untilMs: instantMs } : null,
    endedAtMs: (endStates as readonly JobState[]).includes(state) ? instantMs : null,
    result: output === null ? null : storedResult,
    lastSeq: last.lastSeq + events,
  });
}

/** So many events after the last of a job. */
export function eventsAfter({ lastSeq }: Job, count: number): readonly JobEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const seq = lastSeq + 1 + i;
    return { seq, atMs: seq, type: 'output', data: `piece ${seq}` };
  });
}

/** So many deliveries of a version, with ids of their own in a history. */
export function deliveriesOf(
  { id: jobId, version, queuedAtMs }: Job,
  count: number,
  tag: number,
): readonly Delivery[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${jobId}-${version}-${tag}-${i}`,
    jobId,
    event: 'completed',
    createdAtMs: queuedAtMs,
    dueAtMs: queuedAtMs,
    attempts: 0,
  }));
}
