import type { KpaSpec } from '../../../src/autoscale/kpa/kpa-spec.ts';
import { kpaDefaults } from '../../../src/core/kpa.ts';

/** Knative's defaults for a model of 10 at once (so 7 per replica are aimed at), that begins with none. */
export const baseSpec: KpaSpec = {
  ...kpaDefaults,
  initialScale: 0,
  min: 0,
  max: 0,
  concurrency: 10,
  canReachZero: true,
  progressDeadlineMs: 600_000,
};

const seconds = (text: string) => Number(text) * 1_000;

const readers: Readonly<Record<string, (text: string) => Partial<KpaSpec>>> = {
  cc: (text) => ({ concurrency: Number(text) }),
  metric: (text) => ({ metric: text === 'rps' ? 'rps' : 'concurrency' }),
  target: (text) => ({ target: Number(text) }),
  util: (text) => ({ targetUtilization: Number(text) }),
  window: (text) => ({ stableWindowMs: seconds(text) }),
  'panic-window': (text) => ({ panicWindowPercentage: Number(text) }),
  threshold: (text) => ({ panicThresholdPercentage: Number(text) }),
  up: (text) => ({ maxScaleUpRate: Number(text) }),
  down: (text) => ({ maxScaleDownRate: Number(text) }),
  delay: (text) => ({ scaleDownDelayMs: seconds(text) }),
  grace: (text) => ({ scaleToZeroGraceMs: seconds(text) }),
  retention: (text) => ({ podRetentionMs: seconds(text) }),
  activation: (text) => ({ activationScale: Number(text) }),
  initial: (text) => ({ initialScale: Number(text) }),
  tbc: (text) => ({ targetBurstCapacity: Number(text) }),
  average: (text) => ({ aggregation: text === 'weighted' ? 'weighted-exponential' : 'linear' }),
  min: (text) => ({ min: Number(text) }),
  max: (text) => ({ max: Number(text) }),
  zero: (text) => ({ canReachZero: text !== 'never' }),
};

/** The base with `cc=0 target=50` on top, times in seconds. */
export function specOf(text: string): KpaSpec {
  const parts = text.split(' ').filter((part) => part !== '' && part !== '-');
  return Object.assign(
    { ...baseSpec },
    ...parts.map((part) => {
      const [name = '', value = ''] = part.split('=');
      const read = readers[name];
      if (!read) throw new Error(`no setting ${name}`);
      return read(value);
    }),
  );
}
