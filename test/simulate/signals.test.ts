import { expect, it } from 'vitest';
import { play, type Request, secondsOf } from './scenario.ts';

/** One replica for one request at once; it is known that a start takes 10 s and a request 1 s. */
const known: readonly Request[] = [[0, 1]];
const all = { concurrency: 1, max: 4 };

it('a wait that is longer than its target starts a further replica, worth it or not', async () => {
  const requests: Request[] = [...known, [100, 6.5], [100, 1], [150, 1]];
  const without = await play(requests, { ...all, policy: 'fixed:5m' });
  const figures = await play(requests, { ...all, policy: 'queue-delay:5s' });
  expect(without.starts).toBe(1);
  // Asked for at 105.5, when the second of them had waited for more than a tenth above the target.
  expect(figures.starts).toBe(2);
  expect(secondsOf(figures).loading).toBeCloseTo(20, 2);
  expect(figures.waitMs!.p99).toBe(without.waitMs!.p99);
});

it('waits for a start count for no further one', async () => {
  const startsFor = async (count: number) => {
    const burst = Array.from({ length: count }, (): Request => [1_000, 1]);
    const requests: Request[] = [...known, ...burst, [1_100, 1]];
    return (await play(requests, { ...all, policy: 'queue-delay:5s' })).starts;
  };
  // They wait 10 s for the start, and from then on up to 4 s.
  expect(await startsFor(5)).toBe(2);
  // The last of eight waits for 7 s besides.
  expect(await startsFor(8)).toBe(3);
});

it('as many replicas start as those that wait for long are for', async () => {
  // One after the other they take less than a start: none is worth one.
  const burst = (count: number) => Array.from({ length: count }, (): Request => [100, 1]);
  const startsFor = async (count: number, policy: string) =>
    (await play([...known, ...burst(count), [200, 1]], { ...all, policy, load: '80s' })).starts;
  expect(await startsFor(45, 'fixed:5m')).toBe(1);
  // After 15 s 29 of them wait.
  expect(await startsFor(45, 'waiting:10')).toBe(3);
  expect(await startsFor(45, 'waiting:16')).toBe(2);
  // All gone by then.
  expect(await startsFor(15, 'waiting:2')).toBe(1);
});
