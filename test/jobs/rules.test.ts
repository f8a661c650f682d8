import { describe, expect, it } from 'vitest';
import type { Job } from '../../src/core/job.ts';
import * as rules from '../../src/jobs/rules.ts';
import { aJob, storedResult, unlimited } from '../support/job.ts';

const nowMs = 100_000;
const untilMs = nowMs + 30_000;

function claimed(given: Partial<Job> = {}): Job {
  return rules.claim(aJob({ id: 'j', ...given }), { owner: 'w', untilMs }, nowMs)!.job;
}

function failed(job: Job, code: string, status: number | null = null): Job {
  const failure = { code, message: 'it broke', status, retryAfterMs: null };
  return rules.fail(job, failure, { nowMs, random: 0, result: null, events: [] }).job;
}

function again(job: Job): Job {
  return rules.claim({ ...job, notBeforeMs: null }, { owner: 'w', untilMs }, nowMs)!.job;
}

describe('what becomes of a job', () => {
  it('fails when its backend dies under it the second time, whatever attempts it has left', () => {
    const once = failed(claimed(), 'backend_reset');
    expect(once).toMatchObject({ state: 'queued', deaths: 1, attempts: 1, notBeforeMs: nowMs + 500 });
    const twice = failed(again(once), 'backend_reset');
    expect(twice).toMatchObject({ state: 'failed', deaths: 2, error: { code: 'backend_died' } });
  });

  it('runs at most once where it has one attempt: not after a failure, and not after its worker was lost', () => {
    const limits = { ...unlimited, maxAttempts: 1 };
    expect(failed(claimed({ limits }), 'backend_reset')).toMatchObject({
      state: 'failed',
      error: { code: 'backend_reset' },
    });
    expect(rules.look(claimed({ limits }), untilMs, false)).toMatchObject({
      job: { state: 'failed', error: { code: 'job_interrupted' } },
    });
  });

  it('does not count an attempt of which nothing was processed', () => {
    const limits = { ...unlimited, maxAttempts: 1 };
    const back = failed(claimed({ limits }), 'start_failed');
    expect(back).toMatchObject({ state: 'queued', attempts: 0, startedAtMs: null, notBeforeMs: nowMs + 500 });
    expect(failed(claimed({ limits }), 'draining')).toMatchObject({ state: 'queued', notBeforeMs: null });
  });

  it('tells that the events before are void when it is tried again after it streamed', () => {
    const pieces = [{ type: 'output', data: 'a' }] as const;
    const { job, events } = rules.append(claimed(), pieces, { nowMs, untilMs });
    expect(job.state).toBe('streaming');
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['state', 'streaming'],
      ['output', 'a'],
    ]);
    const lost = rules.look(job, untilMs, false);
    expect(lost).toMatchObject({ job: { state: 'queued' }, events: [{ type: 'reset' }, { data: 'queued' }] });
  });

  it('is canceled where its client wanted it ended and it fails, and succeeds where it was done before', () => {
    const wanted = rules.cancel(claimed(), nowMs)!.job;
    expect(wanted).toMatchObject({ state: 'running', isCancelRequested: true });
    expect(failed(wanted, 'backend_reset').state).toBe('canceled');
    expect(failed(wanted, 'backend_timeout').state).toBe('canceled');
    expect(rules.giveBack(wanted, 0, nowMs).job.state).toBe('canceled');
    expect(rules.look(wanted, untilMs, false)).toMatchObject({ job: { state: 'canceled' } });
    const done = rules.finish(wanted, { state: 'succeeded', result: storedResult }, { nowMs });
    expect(done.job.state).toBe('succeeded');
    expect(rules.cancel(wanted, nowMs)).toBe(null);
  });

  it('expires where it never began, and is timed out where it did', () => {
    const limits = { ...unlimited, beginByMs: nowMs + 1, endByMs: nowMs + 10 };
    expect(rules.look(aJob({ id: 'j', limits }), nowMs + 1, false)).toMatchObject({
      job: { state: 'expired', error: { code: 'job_expired' } },
    });
    const waiting = failed(claimed({ limits }), 'internal');
    expect(rules.look(waiting, nowMs + 9, false)).toBe(null);
    expect(rules.look(waiting, nowMs + 10, false)).toMatchObject({ job: { state: 'timed_out' } });
    expect(rules.claim(aJob({ id: 'j', limits }), { owner: 'w', untilMs }, nowMs + 1)).toMatchObject({
      job: { state: 'expired', lease: null },
    });
  });

  it('is low no more from the instant on that forces it, and low again in a new life', () => {
    const job = aJob({ id: 'j', priority: 'low', limits: { ...unlimited, forceAtMs: nowMs } });
    const forced = rules.look(job, nowMs, false);
    expect(forced).toMatchObject({ job: { priority: 'normal', state: 'queued' } });
    const canceled = rules.cancel(job, nowMs)!.job;
    expect(rules.revive(canceled, nowMs + 5_000)!.job).toMatchObject({
      ...{ priority: 'low', state: 'queued', queuedAtMs: nowMs + 5_000, isCancelRequested: false },
      limits: { forceAtMs: nowMs + 5_000 + (nowMs - job.queuedAtMs) },
    });
    expect(rules.revive(job, nowMs)).toBe(null);
  });

  it('tells a webhook only what it asked for, and an answer in one piece as output too', () => {
    const webhook = { url: 'https://a.example', events: ['output', 'completed'] as const };
    const job = claimed({ webhook });
    const done = rules.finish(job, { state: 'succeeded', result: storedResult }, { nowMs });
    expect(done.deliveries.map(({ event }) => event)).toEqual(['output', 'completed']);
  });

  it('tells output each 500 ms at most, the last of it late', () => {
    const webhook = { url: 'https://a.example', events: ['output'] as const };
    let job = claimed({ webhook });
    const dueMs = [0, 100, 200, 600, 1_700].flatMap((ms) => {
      const made = rules.append(job, [{ type: 'output', data: 'a' }], { nowMs: nowMs + ms, untilMs });
      job = made.job;
      return made.deliveries.map(({ dueAtMs }) => dueAtMs - nowMs);
    });
    expect(dueMs).toEqual([0, 500, 1_000, 1_700]);
  });
});
