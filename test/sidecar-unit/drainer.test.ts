import { describe, expect, it } from 'vitest';
import { Drainer } from '../../src/sidecar/drainer.ts';
import { ManualClock } from '../support/manual-clock.ts';

function create() {
  const clock = new ManualClock();
  const drainer = new Drainer(clock, 30_000);
  const ended: number[] = [];
  const drain = () => void drainer.drain().then(() => ended.push(clock.nowMs()));
  return { clock, drainer, ended, drain };
}

describe('a drain', () => {
  it('is over when nothing has come for the quiet period', async () => {
    const { clock, drainer, ended, drain } = create();
    drain();
    expect(drainer.isDraining).toBe(true);
    await clock.advance(20_000);
    drainer.noteRequest();
    await clock.advance(40_000);
    expect(ended).toEqual([50_000]);
    expect(drainer.isDraining).toBe(true);
  });

  it('is one for all who wait, and over at once for who comes later', async () => {
    const { clock, ended, drain } = create();
    drain();
    await clock.advance(10_000);
    drain();
    await clock.advance(20_000);
    drain();
    await clock.advance(0);
    expect(ended).toEqual([30_000, 30_000, 30_000]);
  });

  it('is called off by a reset, and begins anew', async () => {
    const { clock, drainer, ended, drain } = create();
    drain();
    await clock.advance(1_000);
    drainer.reset();
    await clock.advance(0);
    expect([ended, drainer.isDraining, clock.pendingTimers]).toEqual([[1_000], false, 0]);
    drain();
    await clock.advance(30_000);
    expect(ended).toEqual([1_000, 31_000]);
  });
});
