import { describe, expect, it } from 'vitest';
import { generate, parseArrivals } from '../../src/simulate/generate.ts';
import { parseSpread } from '../../src/simulate/spread.ts';
import { TraceBuilder } from '../../src/simulate/trace.ts';
import { play } from './scenario.ts';

function played(arrivals: string, policy: string) {
  const builder = new TraceBuilder();
  const options = { durationMs: 14 * 86_400_000, exec: parseSpread('5s'), seed: 1 };
  generate(builder, { ...options, arrivals: parseArrivals(arrivals) });
  return play(builder.build(), { policy, load: '22.7s', judgeFromS: 7 * 86_400 });
}

describe('a learned idle time', () => {
  it('has a replica ready in time for jobs by the clock, for a few minutes of idle time each', async () => {
    const figures = await played('regular:1/hx3', 'adaptive');
    // One an hour in seven days, and none of them waits.
    expect(figures.requests).toBeGreaterThan(3 * 160);
    expect(figures.coldRequests).toBe(0);
    expect((figures.replicaHours.idle * 60) / figures.requests).toBeLessThan(3);
  });

  it('starts nothing ahead of requests that come whenever they like', async () => {
    const { starts, coldRequests } = await played('poisson:1/hx3', 'adaptive:5m');
    expect(starts).toBeLessThanOrEqual(coldRequests);
  });
});
