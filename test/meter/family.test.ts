import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createCounterFamily, createDurationFamily } from '../../src/meter/family.ts';

const boundsS = [0.001, 0.0025, 0.25, 1, 30, 600];
const spec = { name: 'pilotlight_test', help: 'A "help"\nof two lines.', labelNames: ['model', 'phase'] };

/** Label values with all that has to be escaped. */
const label = fc.constantFrom('llama', '', 'a"b', 'back\\slash', 'two\nlines', 'モデル');
/** On the bounds, close to them and anywhere; eighths, so that sums are exact in seconds and milliseconds. */
const eighths = fc.oneof(
  fc.constantFrom(8, 2, 20, 2000, 2001, 8000, 240_000, 4_800_000, 4_800_001),
  fc.nat(10_000_000),
);

const emptied = (text: string) => text.replaceAll(/(_sum\{.*\}) .*/g, '$1');
const sumOf = (text: string) => [...text.matchAll(/_sum\{.*\} (.*)/g)].map((match) => Number(match[1]));

describe('a family of durations', () => {
  it('is printed as prom-client prints a histogram of the same observations', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(label, label, eighths)), async (observations) => {
        const theirs = new Registry();
        const ours = new Registry();
        const histogram = new Histogram({ ...spec, buckets: boundsS, registers: [theirs] });
        const family = createDurationFamily(ours, spec, boundsS);
        for (const [model, phase, count] of observations) {
          histogram.labels(model, phase).observe(count / 8000);
          family.series(model, phase).observe(count / 8);
        }
        const [their, our] = [await theirs.metrics(), await ours.metrics()];
        expect(emptied(our)).toBe(emptied(their));
        sumOf(their).forEach((sum, index) => {
          expect(sumOf(our)[index]).toBeCloseTo(sum, 6);
        });
      }),
    );
  });
});

describe('a family of counters', () => {
  it('is printed as prom-client prints a counter of the same counts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(label, label, fc.nat())), async (counts) => {
        const theirs = new Registry();
        const ours = new Registry();
        const counter = new Counter({ ...spec, registers: [theirs] });
        const family = createCounterFamily(ours, spec);
        for (const [model, phase, count] of counts) {
          counter.labels(model, phase).inc(count);
          family.series(model, phase).add(count);
        }
        expect(await ours.metrics()).toBe(await theirs.metrics());
      }),
    );
  });

  it('gives the same series for the same values, and another for others', () => {
    const family = createCounterFamily(new Registry(), spec);
    expect(family.series('a', 'b')).toBe(family.series('a', 'b'));
    expect(family.series('a', 'b')).not.toBe(family.series('ab', ''));
  });

  it('prints only the series that are to be shown, and those again when they are to be again', async () => {
    const registry = new Registry();
    let hidden = '';
    const family = createCounterFamily(registry, { ...spec, isShown: ({ model }) => model !== hidden });
    for (const model of ['kept', 'left']) for (const phase of ['x', 'y']) family.series(model, phase).add(1);
    hidden = 'left';
    const text = await registry.metrics();
    expect(text).toContain('{model="kept",phase="x"} 1');
    expect(text).not.toContain('left');
    hidden = '';
    expect(await registry.metrics()).toContain('{model="left",phase="y"} 1');
  });

  it('cannot have the name of another metric', () => {
    const registry = new Registry();
    createCounterFamily(registry, spec);
    expect(() => createCounterFamily(registry, spec)).toThrow(/already been registered/);
  });
});
