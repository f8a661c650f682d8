import type { Rung } from '../core/ladder.ts';
import type { ReadySpec } from '../core/prober.ts';
import type { ScaleSettings } from '../core/scaling.ts';

/** What of a revision's settings activation obeys. */
export interface ActivationSettings {
  readonly ready: ReadySpec;
  /** Per replica; 0 = no limit. */
  readonly concurrency: number;
  readonly scale: ScaleSettings & {
    /** A fresh replica's limit grows from 1 to full over this time; 0 = at once. */
    readonly rampMs: number;
  };
  /** What it goes down while nobody asks, the shallowest rung first; empty: it is ready or stopped. */
  readonly ladder: readonly Rung[];
  /** Whether a replica's own gauges are asked before it is ended or put to sleep. */
  readonly asksGauge: boolean;
  readonly cold: 'hold' | 'reject';
  /** Refuse at once who cannot make it (would_not_make_it). */
  readonly deadlineAware: boolean;
}
