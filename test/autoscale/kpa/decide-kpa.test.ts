import { describe, expect, it } from 'vitest';
import { Course } from './course.ts';
import { specOf } from './spec-of.ts';

describe('decideKpa', () => {
  it('says in one line what decided, and what room there is for a burst', () => {
    const course = new Course(specOf('max=4 cc=1'));
    course.decide({ load: 9, ready: 1 });
    course.run(2_000, { load: 9, ready: 1 });
    expect(course.last).toMatchObject({ desired: 4, excessBurstCapacity: -219 });
    expect(course.last?.reason).toBe(
      'panic: 13 x 0.7 for 9 at once over 60s, max is 4; excess burst capacity -219',
    );
  });

  it('names the panic window where that decided, and what is held in panic and for the delay', () => {
    const course = new Course(specOf('tbc=0 delay=10'));
    course.decide({ load: 7, ready: 1 });
    course.run(60_000, { load: 7, ready: 1 });
    course.run(66_000, { load: 70, ready: 1 });
    expect(course.last?.reason).toBe('panic: 10 x 7 for 70 at once over 6s; excess burst capacity 0');
    course.run(100_000, { load: 7, ready: 10 });
    expect(course.last?.reason).toMatch(/^panic: 5 x 7 for \S+ at once over 60s, not below 10 in panic;/);
    course.run(132_000, { load: 7, ready: 10 });
    expect(course.last?.reason).toMatch(
      /^stable: 5 x 7 for 7 at once over 60s, 10 for the scale-down delay;/,
    );
  });

  it('sleeps without a timer at zero, and decides at once for whoever comes', () => {
    const course = new Course(specOf('-'));
    expect(course.decide({ load: 0, ready: 0 })).toMatchObject({ desired: 0, nextAtMs: null });
    course.nowMs = 3_600_500;
    expect(course.decide({ load: 0, ready: 0 }, { waiting: 1 })).toMatchObject({ desired: 1 });
    expect(course.last?.nextAtMs).toBe(3_601_500);
  });

  it('starts one for a warm-up, to which no request belongs', () => {
    const course = new Course(specOf('-'));
    expect(course.decide({ load: 0, ready: 0 }, { isWanted: true }).desired).toBe(1);
    expect(course.run(59_000, { load: 0, ready: 1 }).desired).toBe(1);
    expect(course.run(70_000, { load: 0, ready: 1 }).desired).toBe(0);
  });

  it('starts as many as the activation scale says for the first request', () => {
    const course = new Course(specOf('activation=3'));
    expect(course.decide({ load: 1, ready: 0 }).desired).toBe(3);
  });

  it('changes nothing between two ticks, whatever comes', () => {
    const course = new Course(specOf('-'));
    course.decide({ load: 1, ready: 0 });
    course.run(4_000, { load: 1, ready: 1 });
    course.run(5_999, { load: 500, ready: 1 });
    expect(course.last?.desired).toBe(1);
    expect(course.run(6_000, { load: 500, ready: 1 }).desired).toBeGreaterThan(1);
  });

  it('keeps its ticks when one comes late', () => {
    const course = new Course(specOf('-'));
    course.decide({ load: 1, ready: 0 });
    course.run(3_700, { load: 1, ready: 1 });
    course.nowMs = 4_300;
    expect(course.decide({ load: 1, ready: 1 }).nextAtMs).toBe(5_000);
    expect(course.run(5_000, { load: 1, ready: 1 }).nextAtMs).toBe(6_000);
  });

  it('decides by arrivals where the metric is rps, and keeps one while a request runs without new ones', () => {
    const course = new Course(specOf('metric=rps target=10'));
    course.decide({ load: 1, ready: 0 });
    expect(course.run(2_000, { load: 1, rps: 21, ready: 1 }).desired).toBe(3);
    course.run(200_000, { load: 1, rps: 0, ready: 1 });
    expect(course.last).toMatchObject({ desired: 1 });
    expect(course.last?.reason).toContain('not below 1 while requests are there');
  });

  it('lowers nothing while a replica starts', () => {
    const course = new Course(specOf('-'));
    course.decide({ load: 70, ready: 0, starting: 0 });
    expect(course.run(10_000, { load: 70, ready: 0, starting: 10 }).desired).toBe(10);
    expect(course.run(900_000, { load: 0, ready: 9, starting: 1 }).desired).toBe(10);
    expect(course.run(902_000, { load: 0, ready: 10 }).desired).toBe(5);
  });

  it('obeys a count of others, above max as well, for a stable window', () => {
    const course = new Course(specOf('max=3'), 1);
    course.run(10_000, { load: 1, ready: 1 });
    expect(course.decide({ load: 1, ready: 1 }, { askedByOthers: 6 }).desired).toBe(6);
    expect(course.run(70_000, { load: 1, ready: 6 }).desired).toBe(6);
    expect(course.run(72_000, { load: 1, ready: 6 }).desired).toBe(3);
  });

  it('obeys a lower count of others at once, and goes on from there', () => {
    const course = new Course(specOf('-'), 0);
    course.decide({ load: 70, ready: 0 });
    course.run(30_000, { load: 70, ready: 10 });
    expect(course.decide({ load: 0, ready: 10 }, { askedByOthers: 0 }).desired).toBe(0);
    expect(course.decide({ load: 1, ready: 0 }).desired).toBeGreaterThan(0);
  });

  it('forgets what was wanted when the count was taken back', () => {
    const course = new Course(specOf('initial=2'));
    course.decide({ load: 70, ready: 0 });
    expect(course.run(30_000, { load: 70, ready: 2 }).desired).toBe(10);
    course.become(0);
    expect(course.decide({ load: 0, ready: 0 })).toMatchObject({ desired: 0, nextAtMs: null });
    course.nowMs = 40_000;
    expect(course.decide({ load: 0, ready: 0 }).desired).toBe(0);
    expect(course.decide({ load: 1, ready: 0 }).desired).toBe(1);
  });

  it('wants again at the next tick what was lost of several', () => {
    const course = new Course(specOf('-'));
    course.decide({ load: 70, ready: 0 });
    course.run(30_000, { load: 70, ready: 10 });
    course.become(9);
    expect(course.run(31_999, { load: 70, ready: 9 }).desired).toBe(9);
    expect(course.run(32_000, { load: 70, ready: 9 }).desired).toBe(10);
  });

  it('keeps what is found for a stable window', () => {
    const course = new Course(specOf('-'));
    course.decide({ load: 0, ready: 0 });
    course.become(3);
    expect(course.decide({ load: 0, ready: 3 }).desired).toBe(3);
    expect(course.run(60_000, { load: 0, ready: 3 }).desired).toBe(3);
    expect(course.run(64_000, { load: 0, ready: 3 }).desired).toBeLessThan(3);
  });

  it('takes a changed spec at once, and longer windows with what it has', () => {
    const course = new Course(specOf('-'), 0);
    course.decide({ load: 7, ready: 0 });
    course.run(30_000, { load: 7, ready: 1 });
    course.spec = specOf('min=2 window=120');
    expect(course.decide({ load: 7, ready: 1 }).desired).toBe(2);
    course.run(60_000, { load: 7, ready: 2 });
    expect(course.last?.reason).toContain('for 7 at once over 120s');
  });

  it('gives the same answer to the same question, however often it is asked', () => {
    const course = new Course(specOf('-'));
    course.decide({ load: 9, ready: 1 });
    course.run(4_000, { load: 9, ready: 1 });
    const first = course.last;
    expect(course.decide({ load: 9, ready: 1 })).toEqual(first);
  });
});
