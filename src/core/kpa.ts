/**
 * Knative's settings of its pod autoscaler (config-autoscaler and the annotations autoscaling.knative.dev/*), as the
 * code sees them. min and max are the model's own.
 */
export interface KpaSettings {
  /** What is averaged: requests at once (waiting and running), or requests that arrive per second. */
  readonly metric: 'concurrency' | 'rps';
  /** Per replica, before utilisation; null: the model's concurrency (100 where that is 0), 200 for rps. */
  readonly target: number | null;
  /** Share of the target that is aimed at, above 0 and at most 1. */
  readonly targetUtilization: number;
  readonly stableWindowMs: number;
  readonly panicWindowPercentage: number;
  readonly panicThresholdPercentage: number;
  /** Most replicas at once, as a multiple of the ready ones; above 1. */
  readonly maxScaleUpRate: number;
  /** Fewest replicas at once, as a part of the ready ones; above 1. */
  readonly maxScaleDownRate: number;
  /** A lower count is taken only when nothing more was needed for that long; 0 = at once. */
  readonly scaleDownDelayMs: number;
  /** How long the gateway holds the requests' way before the last replica ends. */
  readonly scaleToZeroGraceMs: number;
  /** How long the last replica stays at least, once it is idle. */
  readonly podRetentionMs: number;
  /** The least count above zero; 1 = no such floor. */
  readonly activationScale: number;
  /** What a revision starts with, and keeps until that many are ready. 0 = none until somebody asks. */
  readonly initialScale: number;
  /** Requests at once that must find room besides those of now; -1 = without limit, 0 = none. */
  readonly targetBurstCapacity: number;
  readonly aggregation: 'linear' | 'weighted-exponential';
}

/** Knative's defaults (pkg/autoscaler/config/config.go). */
export const kpaDefaults: KpaSettings = {
  metric: 'concurrency',
  target: null,
  targetUtilization: 0.7,
  stableWindowMs: 60_000,
  panicWindowPercentage: 10,
  panicThresholdPercentage: 200,
  maxScaleUpRate: 1000,
  maxScaleDownRate: 2,
  scaleDownDelayMs: 0,
  scaleToZeroGraceMs: 30_000,
  podRetentionMs: 0,
  activationScale: 1,
  initialScale: 1,
  targetBurstCapacity: 211,
  aggregation: 'linear',
};

/** Knative's limits (pkg/apis/autoscaling/register.go, annotation_validation.go), both ends allowed. */
export const kpaLimits = {
  /** The least target, also after utilisation. */
  targetMin: 0.01,
  windowMinMs: 6_000,
  /** Of every duration. */
  windowMaxMs: 3_600_000,
  panicWindowPercentageMin: 1,
  panicWindowPercentageMax: 100,
  panicThresholdPercentageMin: 110,
  panicThresholdPercentageMax: 1000,
  utilizationPercentageMin: 1,
  utilizationPercentageMax: 100,
  activationScaleMin: 2,
  /** Of every count: 2^31 - 1. */
  countMax: 2_147_483_647,
} as const;
