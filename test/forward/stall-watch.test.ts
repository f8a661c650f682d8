import { beforeEach, describe, expect, it } from 'vitest';
import { StallWatch } from '../../src/forward/stall-watch.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('a stall watch', () => {
  let clock: ManualClock;
  let stalled: string[];
  let watch: StallWatch;

  beforeEach(() => {
    clock = new ManualClock();
    stalled = [];
    watch = new StallWatch({ clock, stallMs: 1000, onStalled: (id) => stalled.push(id) });
  });

  it('tells of a replica that is silent on all of its requests', () => {
    watch.began('a', clock.nowMs());
    watch.began('b', clock.nowMs());
    for (let i = 0; i < 11; i++) {
      watch.heard('b', clock.nowMs());
      clock.advanceSync(100);
    }
    expect(stalled).toEqual(['a']);
  });

  it('says nothing while one of several requests gets bytes, and again only after another whole stall', () => {
    watch.began('a', clock.nowMs());
    watch.began('a', clock.nowMs());
    clock.advanceSync(900);
    watch.heard('a', clock.nowMs());
    clock.advanceSync(900);
    expect(stalled).toEqual([]);
    clock.advanceSync(300);
    expect(stalled).toEqual(['a']);
    clock.advanceSync(700);
    expect(stalled).toEqual(['a']);
  });

  it('sets no timer while nothing runs', () => {
    watch.began('a', clock.nowMs());
    watch.ended('a');
    clock.advanceSync(5000);
    expect(stalled).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('takes another limit, also while requests run', () => {
    watch.began('a', clock.nowMs());
    clock.advanceSync(500);
    watch.configure(0);
    clock.advanceSync(5000);
    expect([stalled, clock.pendingTimers]).toEqual([[], 0]);
    watch.configure(300);
    clock.advanceSync(100);
    expect(stalled).toEqual(['a']);
  });

  it('is off with 0', () => {
    const off = new StallWatch({ clock, stallMs: 0, onStalled: (id) => stalled.push(id) });
    off.began('a', clock.nowMs());
    clock.advanceSync(100_000);
    expect([stalled, clock.pendingTimers]).toEqual([[], 0]);
  });
});
