import type { ReadySpec } from '../core/prober.ts';

/** What of a revision's settings activation obeys. */
export interface ActivationSettings {
  readonly ready: ReadySpec;
  /** Per replica; 0 = no limit. */
  readonly concurrency: number;
  readonly scale: {
    readonly min: number;
    readonly max: number;
    /** 0 = never to zero. */
    readonly idleMs: number;
    /** A fresh replica's limit grows from 1 to full over this time; 0 = at once. */
    readonly rampMs: number;
    /** `external`: others own the count; only 0 -> 1 is ours. */
    readonly owner: 'pilotlight' | 'external';
  };
  /** Whether a replica's own gauges are asked before it is ended. */
  readonly asksGauge: boolean;
  readonly cold: 'hold' | 'reject';
  /** Refuse at once who cannot make it (would_not_make_it). */
  readonly deadlineAware: boolean;
}
