import type { ScaleSettings } from '../../src/core/scaling.ts';

/** Scale settings as they are by default, but for these. */
export function scaleSettings(
  settings: Partial<ScaleSettings & { readonly rampMs: number }> = {},
): ScaleSettings & { readonly rampMs: number } {
  return {
    min: 0,
    max: 1,
    idleMs: 300_000,
    minUpMs: 0,
    buffer: 0,
    maxStarting: null,
    schedules: [],
    rampMs: 0,
    owner: 'pilotlight',
    ...settings,
  };
}
