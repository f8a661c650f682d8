import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { fitSettings } from '../../../src/simulate/fit/fit.ts';
import { fitHead, fitTable, fitVerdict } from '../../../src/simulate/fit/fit-text.ts';
import { parseAim, parseTarget } from '../../../src/simulate/fit/target.ts';
import { parseSpread } from '../../../src/simulate/spread.ts';
import type { Trace } from '../../../src/simulate/trace.ts';
import { type Request, traceOf } from '../scenario.ts';

const dayS = 86_400;

/** One model that is asked every 10 minutes, and one every 3 hours, for eight days. */
const regular = traceOf([
  ...every(600, 'often', { fromS: 0, toS: 8 * dayS }),
  ...every(3 * 3_600, 'seldom', { fromS: 0, toS: 8 * dayS }),
]);

function every(stepS: number, model: string, { fromS, toS }: { fromS: number; toS: number }): Request[] {
  const requests: Request[] = [];
  for (let atS = fromS; atS < toS; atS += stepS) requests.push([atS, 5, model]);
  return requests;
}

interface Look {
  readonly trace?: Trace;
  readonly by?: string;
  readonly judgeFromS?: number;
  readonly concurrency?: number;
}

function look(
  target: string,
  { trace = regular, by = 'hours', judgeFromS = 4 * dayS, concurrency = 100 }: Look = {},
) {
  const load = parseSpread('30s');
  return fitSettings({
    base: { trace, load, seed: 1, judgeFromMs: judgeFromS * 1_000, price: null },
    shape: { concurrency, max: 1, load },
    target: parseTarget(target, parseAim(by)),
    clock: systemClock,
  });
}

describe('settings for a target', () => {
  it('keep the limit with as little as it takes, for each model what its own requests need', async () => {
    const found = await look('cold<10%');
    const [best] = found.options;
    expect(best).toMatchObject({ isLearnedMet: true, isJudgedMet: true });
    // Of 19 requests in 3 hours only one need be cold: that of the model that is asked seldom.
    const own = found.options.find(({ kind }) => kind === 'an idle time for each model')!;
    expect(own).toMatchObject({ setting: 'idle 5s to 10m', isLearnedMet: true, isJudgedMet: true });
    for (const model of ['often', 'seldom']) expect(found.yaml).toContain(`"${model}":`);
    // With one time for both, the other one is kept 10 minutes for each of its 32 requests.
    const idle = (kind: string) => found.options.find((one) => one.kind === kind)!.judged.replicaHours.idle;
    expect(idle('an idle time for each model')).toBeLessThan(idle('one idle time') - 5);
    expect(found.played).toBeLessThan(30);
  });

  it('start ahead of jobs by the clock, which no idle time is as cheap as', async () => {
    const trace = traceOf(every(3_600, 'only', { fromS: 0, toS: 12 * dayS }));
    const { options, yaml } = await look('cold<20%', { trace, judgeFromS: 6 * dayS });
    expect(options[0]).toMatchObject({ kind: 'a learned idle time', isJudgedMet: true });
    expect(yaml).toMatch(/scale: \{ min: 0, max: 1, idle: adaptive, coldStartCost: \w+ \}/);
  });

  it('are one for all rather than many where that does as well', async () => {
    const trace = traceOf(every(600, 'only', { fromS: 0, toS: 8 * dayS }));
    const { options } = await look('cold<10%', { trace });
    const fixed = options.filter(({ kind }) => kind !== 'a learned idle time');
    expect(fixed.map(({ kind, setting }) => [kind, setting])).toEqual([
      ['one idle time', 'idle 10m'],
      ['an idle time for each model', 'idle 10m'],
    ]);
  });

  it('wait as little as the hours allow, where that is asked for', async () => {
    const some = await look('hours<28', { by: 'cold' });
    const more = await look('hours<47', { by: 'cold' });
    for (const { options } of [some, more]) expect(options[0]!.isLearnedMet).toBe(true);
    expect(more.options[0]!.learned.coldShare).toBeLessThan(some.options[0]!.learned.coldShare);
    const hours = ({ learned: { replicaHours } }: { learned: { replicaHours: Record<string, number> } }) =>
      Object.values(replicaHours).reduce((sum, value) => sum + value, 0) / 4;
    expect(hours(some.options[0]!)).toBeLessThan(28);
    expect(fitHead(some)).toMatch(
      /^hours<28 with the least cold: chosen on the first 4d, judged on the rest; /,
    );
  });

  it('are said to fail in the rest, where requests come otherwise there', async () => {
    const trace = traceOf([
      ...every(600, 'm', { fromS: 0, toS: 4 * dayS }),
      ...every(1_800, 'm', { fromS: 4 * dayS, toS: 8 * dayS }),
    ]);
    const found = await look('cold<10%', { trace });
    expect(found.options[0]).toMatchObject({ isLearnedMet: true, isJudgedMet: false });
    expect(fitVerdict(found)).toContain('keeps cold<10% where it was chosen and not in the rest');
    expect(fitTable(found)[2]!.slice(0, 4)).toEqual(['', '', 'judged on', 'no']);
    expect(found.options[0]!.judged.coldShare).toBeGreaterThan(0.9);
  });

  it('are the nearest where nothing keeps the limit, with the replicas that would', async () => {
    // Four at once for 60 s, one at a time: the last one waits for three minutes however warm the model is.
    const four = every(3_600, 'm', { fromS: 0, toS: 8 * dayS }).flatMap(([atS]) =>
      Array.from({ length: 4 }, (): Request => [atS, 60, 'm']),
    );
    const found = await look('p95<100s', { trace: traceOf(four), concurrency: 1 });
    expect(found.options[0]).toMatchObject({ isLearnedMet: false, setting: 'always on' });
    expect(found.replicasNeeded).toBe(2);
    expect(fitVerdict(found)).toBe(
      'Nothing that was tried keeps p95<1m40s. Proposed: one idle time: always on. It misses it by the least. ' +
        'It is kept where a model may have 2 replicas that are always on (--max 2).',
    );
    expect(found.yaml).toContain('scale: { min: 1, max: 1, idle: 0 }');
  });

  it('are not looked for where there is nothing to choose by', async () => {
    const trace = traceOf(every(600, 'm', { fromS: 5 * dayS, toS: 8 * dayS }));
    await expect(look('p95<5s', { trace })).rejects.toThrow(
      'there is no request to choose settings by before the part that is judged',
    );
  });
});
