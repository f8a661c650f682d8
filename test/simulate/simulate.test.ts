import { describe, expect, it } from 'vitest';
import { play, type Request, secondsOf } from './scenario.ts';

describe('a simulation', () => {
  it('comes to what is computed by hand: cold requests, waits, and what the replica did', async () => {
    const figures = await play(
      [
        [0, 5], // cold, waits from 0 to 10, runs until 15
        [4, 2], // comes while it loads: cold, waits until 10, runs until 12
        [20, 1], // finds it ready, runs until 21; it ends at 81
        [100, 60], // cold, waits until 110, would have ended at 160
      ],
      { price: 3600 },
    );
    expect(figures).toMatchObject({
      policy: 'fixed:60s',
      requests: 4,
      coldRequests: 3,
      coldShare: 0.75,
      refused: 0,
      starts: 2,
      waitMs: { mean: 6_500, p50: 6_000, p95: 10_000, p99: 10_000 },
    });
    // Busy 10-15, 20-21 and 110-160; idle 15-20 and 21-81; loading 0-10 and 100-110.
    expect(secondsOf(figures)).toEqual({ busy: 56, idle: 65, loading: 20 });
    expect(figures.cost).toBe(141);
  });

  it('has a request that comes when the idle time has just passed find its replica, and one after it not', async () => {
    const coldWith = async (idleS: number) =>
      (
        await play([
          [0, 1],
          [11 + idleS, 1],
        ])
      ).coldRequests;
    expect([await coldWith(59.999), await coldWith(60), await coldWith(60.001)]).toEqual([1, 1, 2]);
  });

  it('keeps the models apart, and tells the figures of each', async () => {
    const { coldRequests, models, ...all } = await play([
      [0, 5, 'a'],
      [3, 5, 'b'],
      [20, 5, 'a'],
      [200, 5, 'b'],
    ]);
    expect(coldRequests).toBe(3);
    expect(models.map(({ model, requests, coldRequests: cold }) => [model, requests, cold])).toEqual([
      ['a', 2, 1],
      ['b', 2, 2],
    ]);
    const seconds = models.map(secondsOf);
    // a: loads 0-10, runs 10-15 and 20-25, ends at 85. b: loads 3-13, runs 13-18, ends at 78; loads 200-205 of 205.
    expect(seconds).toEqual([
      { busy: 10, idle: 65, loading: 10 },
      { busy: 5, idle: 60, loading: 15 },
    ]);
    expect(secondsOf(all)).toEqual({ busy: 15, idle: 125, loading: 25 });
  });

  it('has requests beyond the limit wait for each other: they are not cold', async () => {
    const warm: Request[] = [
      [20, 4],
      [20, 4],
      [20, 4],
    ];
    const figures = await play([[0, 1], ...warm], { concurrency: 1 });
    expect(figures.coldRequests).toBe(1);
    // 10 s for the start; then 0, 4 and 8.
    expect(figures.waitMs).toMatchObject({ mean: 5_500, p50: 4_000, p99: 10_000 });
  });

  it('starts more replicas where the limit needs them, up to the most', async () => {
    const burst: Request[] = [
      [0, 30],
      [0, 30],
      [0, 30],
    ];
    const figures = await play(burst, { concurrency: 1, max: 2, load: '10s' });
    expect(figures.starts).toBe(2);
    expect(figures.waitMs).toMatchObject({ p50: 10_000, p99: 40_000 });
  });

  it('counts only what comes after the point from which it is judged, warm replicas from before included', async () => {
    const requests: Request[] = [
      [0, 5],
      [60, 5],
      [200, 5],
      [300, 5],
    ];
    const figures = await play(requests, { judgeFromS: 60 });
    // The second finds the replica of the first (ready from 10, idle since 15).
    expect(figures).toMatchObject({ requests: 3, coldRequests: 2, starts: 2 });
    // Busy 60-65, 210-215; idle 65-125, 215-275; loading 200-210, 300-305 (the trace ends there).
    expect(secondsOf(figures)).toEqual({ busy: 10, idle: 120, loading: 15 });
  });

  it('never goes to zero with the policy always, and pays for it', async () => {
    const figures = await play(
      [
        [20, 5],
        [1_000, 5],
      ],
      { policy: 'always' },
    );
    expect(figures).toMatchObject({ coldRequests: 0, starts: 1, waitMs: { p99: 0 } });
    expect(secondsOf(figures)).toEqual({ busy: 10, idle: 985, loading: 10 });
  });

  it("keeps a replica for about Knative's stable window of 60 s with the policy kpa", async () => {
    const coldWith = async (gapS: number) =>
      (
        await play(
          [
            [0, 1],
            [11 + gapS, 1],
          ],
          { policy: 'kpa' },
        )
      ).coldRequests;
    expect([await coldWith(50), await coldWith(90)]).toEqual([1, 2]);
    const { idle, busy } = secondsOf(
      await play(
        [
          [0, 1],
          [2_000, 1],
        ],
        { policy: 'kpa' },
      ),
    );
    expect(busy).toBe(1);
    expect(idle).toBeGreaterThan(55);
    expect(idle).toBeLessThan(70);
  });

  it('draws each start of a model anew, and the same under each policy', async () => {
    const requests: Request[] = Array.from({ length: 200 }, (_, i) => [i * 1_000, 1]);
    const load = '10%:2s,90%:42s';
    const [a, b, other] = await Promise.all([
      play(requests, { load, policy: 'fixed:60s' }),
      play(requests, { load, policy: 'fixed:90s' }),
      play(requests, { load, policy: 'fixed:60s', seed: 2 }),
    ]);
    expect(a.starts).toBe(200);
    expect(a.waitMs).toEqual(b.waitMs);
    expect(a.waitMs).not.toEqual(other.waitMs);
    expect(a.waitMs!.p50).toBeGreaterThan(15_000);
    expect(a.waitMs!.p50).toBeLessThan(29_000);
    expect(a.waitMs!.p99).toBe(42_000);
  });
});

it('the loads of a model have nothing to do with those of another', async () => {
  const alone: Request[] = Array.from({ length: 30 }, (_, i) => [i * 1_000, 1, 'a']);
  const load = '10%:2s,90%:42s';
  const beside: Request[] = alone.flatMap(([atS, execS]): Request[] => [
    [atS, execS, 'b'],
    [atS + 1, execS, 'a'],
  ]);
  const waitsOf = async (requests: Request[], name: string) =>
    (await play(requests, { load })).models.find(({ model }) => model === name)!.waitMs;
  expect(await waitsOf(beside, 'a')).toEqual(await waitsOf(alone, 'a'));
  expect(await waitsOf(beside, 'b')).not.toEqual(await waitsOf(alone, 'a'));
});
