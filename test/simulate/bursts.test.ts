import { expect, it } from 'vitest';
import { play, type Request, secondsOf } from './scenario.ts';

const hourS = 3_600;

/** 200 requests of so many seconds at once, at each of these hours. */
function burstsAt(hours: readonly number[], execS: number): Request[] {
  return hours.flatMap((hour) => Array.from({ length: 200 }, (): Request => [hour * hourS, execS]));
}

it('a burst of short requests to a model that slept for hours does not buy twenty loads of five minutes', async () => {
  const requests: Request[] = [...burstsAt([0, 3, 6], 0.5), [9 * hourS, 0.5]];
  const all = { policy: 'fixed:5m', load: '300s', concurrency: 10, max: 20 };
  const last = await play(requests, { ...all, judgeFromS: 6 * hourS });
  // One for the burst; the other is for the single request at the end of the trace.
  expect(last.starts).toBe(2);
  expect(secondsOf(last).loading).toBeLessThan(601);
  // 20 rounds of half a second, after the load.
  expect(last.waitMs!.p95).toBeLessThan(311_000);
});
