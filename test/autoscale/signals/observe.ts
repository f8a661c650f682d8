import type { Observed, ScaleSpec, ScaleState } from '../../../src/core/scaling.ts';
import type { BackendReading, SignalReadings, SignalSettings } from '../../../src/core/signals.ts';
import { scaleSettings, untouched } from '../../support/scale-settings.ts';

/** Signals of which none is looked at, but these. */
export function signalSettings(
  settings: Partial<Omit<SignalSettings, 'backend'>> & { backend?: Partial<SignalSettings['backend']> } = {},
): SignalSettings {
  const backend = { waiting: null, running: null, kvCache: null, ...settings.backend };
  return { queueDelayMs: null, waitingPerReplica: null, firstTokenMs: null, ...settings, backend };
}

/** A model of up to ten replicas for two requests each, with these signals. */
export function specWith(
  signals: Parameters<typeof signalSettings>[0],
  scale: Parameters<typeof scaleSettings>[0] = {},
): ScaleSpec {
  const settings = scaleSettings({ max: 10, idleMs: 60_000, signals: signalSettings(signals), ...scale });
  return { ...settings, concurrency: 100, startupMs: 600_000 };
}

/** One ready replica with one request, but for this. */
export function seen(
  observed: Partial<Omit<Observed, 'signals'>> = {},
  readings: Partial<SignalReadings> = {},
): Observed {
  return {
    ...untouched,
    inFlight: 1,
    idleSinceMs: null,
    ready: 1,
    ...observed,
    signals: { oldestWaitMs: 0, firstTokens: null, backends: [], ...readings },
  };
}

/** What a replica told at 0, but for this. */
export function told(reading: Partial<BackendReading>): BackendReading {
  return { waiting: null, running: null, kvCache: null, atMs: 0, ...reading };
}

export const stateOf = (desired: number): ScaleState => ({
  desired,
  raisedAtMs: null,
  byOthers: 0,
});

/** The state after 16 s, up to 0, in which the sum of waiting began at 0. */
export function waited(desired: number): ScaleState {
  const waitingMarks = [{ waitingMs: 0, atMs: -16_000 }];
  const none = { firstTokenMarks: [], wishes: [], wishedAtMs: null, held: null };
  return { ...stateOf(desired), signals: { settledAtMs: -16_000, waitingMarks, ...none } };
}

/** So many wait at 0, and waited for the 16 s before. */
export function lasting(waiting: number, observed: Partial<Omit<Observed, 'signals'>> = {}): Observed {
  const demand = { ...untouched.demand, waitingMs: waiting * 16_000 };
  return seen({ waiting, demand, ...observed });
}
