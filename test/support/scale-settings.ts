import { kpaDefaults } from '../../src/core/kpa.ts';
import type { DemandTotals, Observed, ScaleSettings } from '../../src/core/scaling.ts';

/** Sums of a gate that nobody has come to. */
export const noDemand: DemandTotals = { arrived: 0, ended: 0, waitingMs: 0, inFlightMs: 0 };

/** A model at zero that nobody has asked for. */
export const untouched: Observed = {
  waiting: 0,
  inFlight: 0,
  idleSinceMs: 0,
  ready: 0,
  starting: 0,
  isWanted: false,
  startMs: null,
  demand: noDemand,
};

/** Scale settings as they are by default, but for these. */
export function scaleSettings(
  settings: Partial<ScaleSettings & { readonly rampMs: number }> = {},
): ScaleSettings & { readonly rampMs: number } {
  return {
    policy: 'cost-aware',
    kpa: kpaDefaults,
    min: 0,
    max: 1,
    idleMs: 300_000,
    coldStartMs: null,
    minUpMs: 0,
    thrashWindowMs: 60_000,
    buffer: 0,
    maxStarting: null,
    schedules: [],
    rampMs: 0,
    owner: 'pilotlight',
    ...settings,
  };
}
