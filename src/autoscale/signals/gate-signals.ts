import type { Observed } from '../../core/scaling.ts';
import type { SignalMemory, SignalReadings, SignalSettings, SignalWish } from '../../core/signals.ts';
import { byRatio, byShare, missedFrom } from './hpa.ts';
import { meanFirstTokenMs, meanWaiting, waitingWindow } from './windows.ts';

/** What a signal asks for, and when to look at it again although nothing changes; null: nothing, not. */
export interface SignalView {
  readonly wish: SignalWish | null;
  readonly nextAtMs: number | null;
}

/** What signals are told from, with what was remembered up to this moment. */
export interface SignalMoment {
  readonly observed: Observed;
  readonly readings: SignalReadings;
  readonly settings: SignalSettings;
  readonly memory: Pick<SignalMemory, 'settledAtMs' | 'firstTokenMarks' | 'waitingMarks'>;
  readonly nowMs: number;
}

/** The first token has no event of its own in a decision: it is looked at again after that long. */
const firstTokenCheckMs = 5_000;

export const silent: SignalView = { wish: null, nextAtMs: null };

/**
 * How long the oldest one waits for the replicas that there are: not what it waited for a start, since then it would ask
 * for another replica because of the first one's, and for more because of those. Says nothing while one starts.
 */
export function queueDelay({ observed, readings, settings, memory, nowMs }: SignalMoment): SignalView {
  const { queueDelayMs: targetMs } = settings;
  const { settledAtMs } = memory;
  if (targetMs === null || settledAtMs === null || observed.waiting === 0) return silent;
  const delayMs = Math.min(readings.oldestWaitMs, nowMs - settledAtMs);
  const count = byRatio(delayMs, targetMs, observed.ready);
  const missedInMs = missedFrom(targetMs) - delayMs;
  return {
    wish: wishFor('queueDelay', count, `queue delay: ${seconds(delayMs)}, target ${seconds(targetMs)}`),
    // A millisecond later, since at the value itself it is not missed.
    nextAtMs: missedInMs < 0 ? null : nowMs + missedInMs + 1,
  };
}

/**
 * Those that waited on average, as far as they still wait, divided among the replicas that are ready or start: these are
 * there for them. A burst that is gone within the window asks for nothing.
 */
export function waitingPerReplica({ observed, settings, memory, nowMs }: SignalMoment): SignalView {
  const { waiting, ready, starting, demand } = observed;
  const target = settings.waitingPerReplica;
  if (target === null || ready === 0 || waiting === 0) return silent;
  const nextAtMs = nowMs + waitingWindow.stepMs;
  const mean = meanWaiting(memory.waitingMarks, demand, nowMs);
  if (mean === null) return { wish: null, nextAtMs };
  const lasting = Math.min(mean, waiting);
  const count = byShare(lasting, target, ready + starting);
  const why = `waiting: ${Math.round(lasting * 10) / 10} on average, target ${target} per replica`;
  return { wish: wishFor('waitingPerReplica', count, why), nextAtMs };
}

/** The mean of the streamed answers that began lately, all of them since the last start ended. */
export function firstToken({ observed, readings, settings, memory, nowMs }: SignalMoment): SignalView {
  const { firstTokenMs: targetMs } = settings;
  const { firstTokens } = readings;
  const isIdle = observed.waiting + observed.inFlight === 0;
  if (targetMs === null || firstTokens === null || memory.settledAtMs === null || isIdle) return silent;
  const nextAtMs = nowMs + firstTokenCheckMs;
  const meanMs = meanFirstTokenMs(memory.firstTokenMarks, firstTokens);
  if (meanMs === null) return { wish: null, nextAtMs };
  const count = byRatio(meanMs, targetMs, observed.ready);
  const why = `first token: ${seconds(meanMs)} on average, target ${seconds(targetMs)}`;
  return { wish: wishFor('firstToken', count, why), nextAtMs };
}

/** `why` ends the reason; no wish for none. */
export function wishFor(signal: SignalWish['signal'], count: number, why: string): SignalWish | null {
  return count === 0 ? null : { signal, count, reason: `${count} by ${why}` };
}

/** With one decimal where it has one: `12s`, `0.8s`. */
function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10}s`;
}
