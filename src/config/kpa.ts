import { z } from 'zod';
import { type KpaSettings, kpaDefaults, kpaLimits } from '../core/kpa.ts';
import { formatDuration } from './quantities.ts';
import { duration } from './units.ts';

const inWords = formatDuration;

/** A duration within Knative's limits, in whole seconds. */
function limited(description: string, minMs: number) {
  return duration(description, minMs)
    .refine((ms) => ms <= kpaLimits.windowMaxMs, {
      error: `must be at most ${inWords(kpaLimits.windowMaxMs)}`,
    })
    .refine((ms) => ms % 1_000 === 0, { error: 'must be whole seconds' });
}

const percentage = (min: number, max: number) => z.number().min(min).max(max);
const count = (min: number) => z.int().min(min).max(kpaLimits.countMax);
const rate = () =>
  z
    .number()
    .max(1_000_000)
    .refine((value) => value > 1, { error: 'must be above 1' });

/** `models.X.scale.kpa`: what Knative's config-autoscaler and its annotations say. */
export const kpaSchema = z
  .strictObject({
    metric: z
      .enum(['concurrency', 'rps'])
      .prefault(kpaDefaults.metric)
      .describe(
        'What is averaged: requests at once, waiting ones included, or requests that arrive per second.',
      ),
    target: z
      .number()
      .min(kpaLimits.targetMin)
      .nullable()
      .prefault(kpaDefaults.target)
      .describe(
        'Of the metric, per replica; never above concurrency. Default: concurrency (100 for 0), or 200 for rps.',
      ),
    targetUtilizationPercentage: percentage(
      kpaLimits.utilizationPercentageMin,
      kpaLimits.utilizationPercentageMax,
    )
      .prefault(kpaDefaults.targetUtilization * 100)
      .describe('Part of the target that is aimed at.'),
    window: limited('Over which the average decides: the stable window.', kpaLimits.windowMinMs).prefault(
      inWords(kpaDefaults.stableWindowMs),
    ),
    panicWindowPercentage: percentage(kpaLimits.panicWindowPercentageMin, kpaLimits.panicWindowPercentageMax)
      .prefault(kpaDefaults.panicWindowPercentage)
      .describe('Part of the window over which a burst is looked for.'),
    panicThresholdPercentage: percentage(
      kpaLimits.panicThresholdPercentageMin,
      kpaLimits.panicThresholdPercentageMax,
    )
      .prefault(kpaDefaults.panicThresholdPercentage)
      .describe('Of what the ready replicas are for: from there on it is a burst, and no count is lowered.'),
    maxScaleUpRate: rate()
      .prefault(kpaDefaults.maxScaleUpRate)
      .describe('Most replicas after one decision, as a multiple of the ready ones.'),
    maxScaleDownRate: rate()
      .prefault(kpaDefaults.maxScaleDownRate)
      .describe('Fewest replicas after one decision: the ready ones divided by it.'),
    scaleDownDelay: limited(
      'A lower count is taken when nothing more was needed for that long. 0 = at once.',
      0,
    ).prefault(0),
    scaleToZeroGrace: limited(
      'How long the last replica stays once it is idle, less the time before in which targetBurstCapacity found no room.',
      1_000,
    ).prefault(inWords(kpaDefaults.scaleToZeroGraceMs)),
    podRetention: limited(
      'How long the last replica stays once it is idle. 0 = no longer than the grace.',
      0,
    ).prefault(0),
    activationScale: count(1).prefault(kpaDefaults.activationScale).describe('The least count above zero.'),
    initialScale: count(0)
      .prefault(0)
      .describe(
        'Replicas to begin with, whenever the gateway starts, until so many are ready. 0 = none until somebody asks.',
      ),
    targetBurstCapacity: z
      .number()
      .min(-1)
      .refine((value) => value === -1 || value >= 0, { error: 'must be 0 or more, or -1 for no limit' })
      .prefault(kpaDefaults.targetBurstCapacity)
      .describe(
        'Requests at once that must find room besides those of now; while they do not, the grace runs. -1 = no limit, 0 = none.',
      ),
    aggregation: z
      .enum(['linear', 'weighted-exponential'])
      .prefault(kpaDefaults.aggregation)
      .describe('How averages are made: all seconds of a window alike, or the younger the more.'),
  })
  .prefault({})
  .describe("Knative's settings, for policy kpa.");

/** What the schema yields. */
export type RawKpa = z.output<typeof kpaSchema>;

/** As the code takes it. */
export function kpaOf(raw: RawKpa): KpaSettings {
  const { window, scaleDownDelay, scaleToZeroGrace, podRetention, targetUtilizationPercentage, ...same } =
    raw;
  return {
    ...same,
    targetUtilization: targetUtilizationPercentage / 100,
    stableWindowMs: window,
    scaleDownDelayMs: scaleDownDelay,
    scaleToZeroGraceMs: scaleToZeroGrace,
    podRetentionMs: podRetention,
  };
}
