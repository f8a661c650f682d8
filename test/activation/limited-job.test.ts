import { expect, it } from 'vitest';
import { LimitedJob } from '../../src/activation/limited-job.ts';
import { ManualClock } from '../support/manual-clock.ts';

function rig() {
  const clock = new ManualClock();
  const told: string[] = [];
  const job = new LimitedJob(clock);
  const end = (name: string) => ({
    limitMs: 1_000,
    done: () => void told.push(`${name} done`),
    failed: (reason: string) => void told.push(`${name} failed: ${reason}`),
  });
  return { clock, told, job, end };
}

/** Work that ends soon after it was aborted, and not before. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );

it('a job that takes longer than its limit is aborted and has failed', async () => {
  const { clock, told, job, end } = rig();
  job.run(untilAborted, end('a'));
  await clock.advance(999);
  expect([told, job.isRunning]).toEqual([[], true]);
  await clock.advance(1);
  expect([told, job.isRunning, clock.pendingTimers]).toEqual([['a failed: not done within 1s'], false, 0]);
});

it('a job that does not end when it is aborted has failed a second later', async () => {
  const { clock, told, job, end } = rig();
  job.run(() => new Promise(() => undefined), end('a'));
  await clock.advance(1_999);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual(['a failed: not done within 1s']);
});

it('nothing is told of a job that is cancelled, and the next begins when it has ended', async () => {
  const { clock, told, job, end } = rig();
  const ended = Promise.withResolvers<void>();
  job.run(() => ended.promise, end('a'));
  let hasBegun = false;
  job.run(async () => {
    hasBegun = true;
  }, end('b'));
  await clock.settle();
  expect([hasBegun, told]).toEqual([false, []]);
  ended.resolve();
  await clock.settle();
  expect([hasBegun, told]).toEqual([true, ['b done']]);
});
