import { describe, expect, it } from 'vitest';
import { defaults, Harness } from './harness.ts';

/** Fixed replicas r1 to rN, all ready, whose probes pass whatever they do to requests. */
async function fixed(count: number): Promise<Harness> {
  const h = new Harness({ ...defaults, concurrency: 8 }, { isFixed: true });
  h.prober.state = 'ready';
  for (let n = 0; n < count; n++) h.driver.run(h.driver.add());
  await h.clock.advance(1_000);
  expect(h.gate.open).toHaveLength(count);
  return h;
}

async function reset(h: Harness, times: number): Promise<void> {
  for (let n = 0; n < times; n++) h.activator.report('r1', 'reset');
  await h.clock.settle();
}

describe('a replica that resets requests while its probe passes', () => {
  it('comes back for one request at a time after the first three', async () => {
    const h = await fixed(2);
    await reset(h, 3);
    expect(h.gate.open.toSorted()).toEqual(['r1', 'r2']);
    expect(h.gate.replicas.get('r1')?.limit).toBe(1);
    h.activator.report('r1', 'answered');
    expect(h.gate.replicas.get('r1')?.limit).toBe(8);
  });

  it('stays out for 1 s, doubling to 60 s, each time that the one request is reset', async () => {
    const h = await fixed(2);
    await reset(h, 3);
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      await reset(h, 1);
      await h.clock.advance(seconds * 1_000 - 1);
      expect(h.gate.open).toEqual(['r2']);
      await h.clock.advance(1);
      expect(h.gate.open.toSorted()).toEqual(['r1', 'r2']);
    }
  });

  it('has a clean record after an answer', async () => {
    const h = await fixed(2);
    await reset(h, 3);
    await reset(h, 1);
    await h.clock.advance(1_000);
    h.activator.report('r1', 'answered');
    await reset(h, 2);
    expect(h.gate.open.toSorted()).toEqual(['r1', 'r2']);
    await reset(h, 1);
    expect(h.gate.open.toSorted()).toEqual(['r1', 'r2']);
    await reset(h, 1);
    await h.clock.advance(1_000);
    expect(h.gate.open.toSorted()).toEqual(['r1', 'r2']);
  });

  it('is not kept out where it is the only one', async () => {
    const h = await fixed(1);
    await reset(h, 3);
    for (let n = 0; n < 5; n++) {
      await reset(h, 1);
      expect(h.gate.open).toEqual(['r1']);
    }
  });

  it('is probed at once when the others are gone as well', async () => {
    const h = await fixed(2);
    await reset(h, 3);
    for (let n = 0; n < 5; n++) {
      await reset(h, 1);
      if (n < 4) await h.clock.advance(60_000);
    }
    expect(h.gate.open).toEqual(['r2']);
    h.prober.isHanging = true;
    h.activator.report('r2', 'refused');
    await h.clock.settle();
    expect(h.prober.pending).toBe(2);
    h.prober.release();
    await h.clock.settle();
    expect(h.gate.open.toSorted()).toEqual(['r1', 'r2']);
  });
});
