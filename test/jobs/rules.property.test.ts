import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEnded, type Job, type JobLimits } from '../../src/core/job.ts';
import { indexOf } from '../../src/core/job-index.ts';
import type { Delivery } from '../../src/core/job-store.ts';
import * as rules from '../../src/jobs/rules.ts';
import { mayFollow, type Step, tellEveryMs } from '../../src/jobs/step.ts';
import { aJob, storedResult, unlimited } from '../support/job.ts';

const startMs = 1_000;
const leaseMs = 30_000;

/** A job on its way, checked at each step. */
class History {
  job: Job;
  nowMs = startMs;
  readonly tokens = new Set<number>();
  readonly ids = new Set<string>();
  deliveries: Delivery[] = [];

  constructor(limits: JobLimits, priority: Job['priority']) {
    const events = ['start', 'output', 'logs', 'completed'] as const;
    this.job = aJob({ id: 'j', limits, priority, webhook: { url: 'https://a.example', events } });
  }

  take(step: Step | null): void {
    if (step === null) return;
    const { job: before } = this;
    const { job, events, deliveries } = step;
    expect(job.version).toBe(before.version + 1);
    if (job.state !== before.state) expect(mayFollow(before.state, job.state)).toBe(true);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => before.lastSeq + 1 + at));
    expect(job.lastSeq).toBe(before.lastSeq + events.length);
    if (isEnded(before.state)) this.deliveries = [];
    this.deliveries.push(...deliveries);
    for (const { id } of deliveries) expect(this.ids.has(id)).toBe(false);
    for (const { id } of deliveries) this.ids.add(id);
    this.job = job;
    this.#check();
  }

  #check(): void {
    const { job } = this;
    expect(job.lease === null).toBe(job.state !== 'running' && job.state !== 'streaming');
    expect(job.endedAtMs === null).toBe(!isEnded(job.state));
    expect(job.attempts).toBeLessThanOrEqual(job.limits.maxAttempts);
    expect(job.attempts).toBeGreaterThanOrEqual(0);
    expect(job.deaths).toBeLessThanOrEqual(2);
    if (job.lease !== null) this.tokens.add(job.lease.token);
    for (const token of this.tokens) expect(rules.holds(job, token)).toBe(token === job.lease?.token);
    const told = (event: string) => this.deliveries.filter((it) => it.event === event);
    expect(told('completed')).toHaveLength(isEnded(job.state) ? 1 : 0);
    expect(told('start').length).toBeLessThanOrEqual(1);
    for (const event of ['output', 'logs']) {
      const due = told(event).map(({ dueAtMs }) => dueAtMs);
      for (const [at, ms] of due.slice(1).entries())
        expect(ms - due[at]!).toBeGreaterThanOrEqual(tellEveryMs);
    }
  }
}

type Act = (it: History) => void;

const bound = fc.option(fc.integer({ min: 1, max: 100_000 }).map((ms) => startMs + ms));
const limits: fc.Arbitrary<JobLimits> = fc.record({
  beginByMs: bound,
  endByMs: bound,
  runMs: fc.constant(null),
  forceAtMs: bound,
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  keepMs: fc.integer({ min: 0, max: 100_000 }),
});
const code = fc.constantFrom(
  'backend_reset',
  'backend_timeout',
  'backend_unreachable',
  'internal',
  'body_too_large',
  'draining',
);
const status = fc.constantFrom(400, 429, 500, 503);

const asHolder =
  (act: (job: Job, nowMs: number) => Step): Act =>
  (it) => {
    if (it.job.lease !== null) it.take(act(it.job, it.nowMs));
  };

const claim: Act = (it) =>
  it.take(rules.claim(it.job, { owner: 'w', untilMs: it.nowMs + leaseMs }, it.nowMs));
const failure = fc.oneof(
  code.map((known) => ({ code: known, message: 'm', status: null, retryAfterMs: null })),
  status.map((known) => ({ code: 'backend_error', message: 'm', status: known, retryAfterMs: 500 })),
);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(claim) },
  {
    weight: 6,
    arbitrary: fc.array(fc.constantFrom('output', 'logs'), { maxLength: 3 }).map((types) =>
      asHolder((job, nowMs) => {
        const events = types.map((type) => ({ type: type as 'output' | 'logs', data: 'd' }));
        return rules.append(job, events, { nowMs, untilMs: nowMs + leaseMs });
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(failure, fc.double({ min: 0, max: 1, noNaN: true }))
      .map(([known, random]) =>
        asHolder((job, nowMs) => rules.fail(job, known, { nowMs, random, result: null, events: [] })),
      ),
  },
  {
    weight: 2,
    arbitrary: fc.constant(
      asHolder((job, nowMs) => rules.finish(job, { state: 'succeeded', result: storedResult }, { nowMs })),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(1_000).map((ms) => asHolder((job, nowMs) => rules.giveBack(job, ms, nowMs))),
  },
  {
    weight: 1,
    arbitrary: fc.constant(asHolder((job, nowMs) => rules.renew(job, nowMs + leaseMs, nowMs))),
  },
  { weight: 1, arbitrary: fc.constant<Act>((it) => it.take(rules.cancel(it.job, it.nowMs))) },
  { weight: 1, arbitrary: fc.constant<Act>((it) => it.take(rules.revive(it.job, it.nowMs))) },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.integer({ min: 0, max: 40_000 }), fc.boolean()).map(([ms, isOrphan]): Act => {
      return (it) => {
        it.nowMs += ms;
        const made = rules.look(it.job, it.nowMs, isOrphan);
        if (made !== 'remove') it.take(made);
      };
    }),
  },
);

/** Lets time alone do its work: each instant at which the rules want to look changes something. */
function wait(it: History): 'remove' | 'never' {
  for (let looks = 0; looks < 20; looks++) {
    const { dueAtMs } = indexOf(it.job);
    if (dueAtMs === null) return 'never';
    if (dueAtMs > it.nowMs) expect(rules.look(it.job, dueAtMs - 1, false)).toBe(null);
    it.nowMs = Math.max(it.nowMs, dueAtMs);
    const made = rules.look(it.job, it.nowMs, false);
    if (made === 'remove') return 'remove';
    expect(made).not.toBe(null);
    it.take(made);
  }
  throw new Error('time goes round in circles');
}

const history = fc.tuple(
  limits,
  fc.constantFrom<Job['priority']>('high', 'normal', 'low'),
  fc.array(act, { maxLength: 40 }),
);

describe('the rules of jobs', () => {
  it('keep to the table, to the attempts and to the leases, and tell each end once, whatever happens', () => {
    fc.assert(
      fc.property(history, ([bounds, priority, acts]) => {
        const it = new History(bounds, priority);
        for (const each of acts) each(it);
      }),
      { numRuns: 500 },
    );
  });

  it('end a job by time alone where it has a time to end, and then forget it', () => {
    fc.assert(
      fc.property(history, fc.nat(100_000), ([bounds, priority, acts], endInMs) => {
        const it = new History({ ...bounds, endByMs: startMs + endInMs }, priority);
        for (const each of acts) each(it);
        expect(wait(it)).toBe('remove');
        expect(isEnded(it.job.state)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('end a job without any bound too, where each of its attempts fails', () => {
    fc.assert(
      fc.property(
        fc.array(failure, { minLength: 1 }).filter((all) => all.some(({ code: it }) => it === 'internal')),
        (failures) => {
          const it = new History({ ...unlimited, maxAttempts: 3 }, 'normal');
          const sure = [...failures, ...failures, ...failures];
          for (const known of sure) {
            if (isEnded(it.job.state)) break;
            it.nowMs += 60_000;
            claim(it);
            it.take(rules.fail(it.job, known, { nowMs: it.nowMs, random: 1, result: null, events: [] }));
          }
          expect(isEnded(it.job.state)).toBe(true);
        },
      ),
    );
  });
});
