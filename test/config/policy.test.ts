import { describe, expect, it } from 'vitest';
import { kpaDefaults } from '../../src/core/kpa.ts';
import { type FaultCase, faultsOf, fileWith, parse } from './parse.ts';

const scale = (text: string) => fileWith({ model: `scale: { ${text} }` });
const settings = (text: string) => parse(scale(text)).models.get('llama')!.revision.scale;

const cases: readonly FaultCase[] = [
  ['a window that is too short', 'policy: kpa, kpa: { window: 5s }', 'kpa.window', 'at least 6s', null],
  ['a window that is too long', 'policy: kpa, kpa: { window: 2h }', 'kpa.window', 'at most 1h', null],
  ['parts of seconds', 'policy: kpa, kpa: { window: 6500ms }', 'kpa.window', 'must be whole seconds', null],
  ['no grace', 'policy: kpa, kpa: { scaleToZeroGrace: 0 }', 'kpa.scaleToZeroGrace', 'at least 1s', null],
  ['a target of nothing', 'policy: kpa, kpa: { target: 0 }', 'kpa.target', 'must be at least 0.01', null],
  [
    'no utilisation',
    'policy: kpa, kpa: { targetUtilizationPercentage: 0.7 }',
    'kpa.targetUtilizationPercentage',
    'must be at least 1',
    null,
  ],
  [
    'a threshold within the target',
    'policy: kpa, kpa: { panicThresholdPercentage: 100 }',
    'kpa.panicThresholdPercentage',
    'must be at least 110',
    null,
  ],
  [
    'a rate of 1',
    'policy: kpa, kpa: { maxScaleDownRate: 1 }',
    'kpa.maxScaleDownRate',
    'must be above 1',
    null,
  ],
  [
    'a negative burst',
    'policy: kpa, kpa: { targetBurstCapacity: -0.5 }',
    'kpa.targetBurstCapacity',
    'or -1 for no limit',
    null,
  ],
  ['cpu', 'policy: kpa, kpa: { metric: cpu }', 'kpa.metric', 'must be concurrency or rps', null],
  [
    'an activation scale above max',
    'policy: kpa, max: 2, kpa: { activationScale: 3 }',
    'kpa.activationScale',
    'must be at most scale.max, which is 2',
    null,
  ],
  [
    'an initial scale above max',
    'policy: kpa, kpa: { initialScale: 3 }',
    'kpa.initialScale',
    'must be at most scale.max, which is 1',
    null,
  ],
  ['spare replicas', 'policy: kpa, buffer: 1', 'buffer', 'applies to policy cost-aware only', null],
  ['a minimum up time', 'policy: kpa, minUp: 1m', 'minUp', 'applies to policy cost-aware only', null],
  [
    'a limit of starts',
    'policy: kpa, maxStarting: 1',
    'maxStarting',
    'applies to policy cost-aware only',
    null,
  ],
  [
    'settings without the policy',
    'kpa: { window: 90s }',
    'kpa.window',
    'applies to policy kpa only',
    'set scale.policy: kpa',
  ],
  ['another policy', 'policy: kda', 'policy', 'must be cost-aware or kpa', 'did you mean kpa?'],
];

describe('scale.policy', () => {
  it("is by cost unless said otherwise, and kpa with Knative's defaults", () => {
    expect(settings('max: 2').policy).toBe('cost-aware');
    expect(settings('policy: kpa')).toMatchObject({
      policy: 'kpa',
      kpa: { ...kpaDefaults, initialScale: 0 },
    });
  });

  it('kpa takes all that Knative lets set', () => {
    const { kpa } = settings(
      'policy: kpa, max: 9, kpa: { metric: rps, target: 12, targetUtilizationPercentage: 80, window: 90s, ' +
        'panicWindowPercentage: 5, panicThresholdPercentage: 150, maxScaleUpRate: 10, maxScaleDownRate: 1.5, ' +
        'scaleDownDelay: 30s, scaleToZeroGrace: 10s, podRetention: 5m, activationScale: 2, initialScale: 1, ' +
        'targetBurstCapacity: -1, aggregation: weighted-exponential }',
    );
    expect(kpa).toEqual({
      metric: 'rps',
      target: 12,
      targetUtilization: 0.8,
      stableWindowMs: 90_000,
      panicWindowPercentage: 5,
      panicThresholdPercentage: 150,
      maxScaleUpRate: 10,
      maxScaleDownRate: 1.5,
      scaleDownDelayMs: 30_000,
      scaleToZeroGraceMs: 10_000,
      podRetentionMs: 300_000,
      activationScale: 2,
      initialScale: 1,
      targetBurstCapacity: -1,
      aggregation: 'weighted-exponential',
    });
  });

  it.each(cases)('with %s is refused', (_what, text, path, message, hint) => {
    const fault = { path: `models.llama.scale.${path}`, message: expect.stringContaining(message), hint };
    expect(faultsOf(scale(text))).toEqual([expect.objectContaining(fault)]);
  });
});
