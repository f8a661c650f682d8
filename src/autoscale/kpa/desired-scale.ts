import { type DelayedCount, delayedCounts } from './delay-window.ts';
import type { Averages } from './demand-history.ts';
import type { ResolvedKpa } from './kpa-spec.ts';

/** What the arithmetic keeps from tick to tick. */
export interface PanicState {
  /** When the panic average was last at the threshold; null: not in panic. */
  readonly panicAtMs: number | null;
  /** The most that was wanted since the panic began: it does not fall before the end of it. */
  readonly panicCount: number;
  /** For the scale-down delay. */
  readonly delayed: readonly DelayedCount[];
}

/** What a tick looks at. */
export interface ScaleInput {
  readonly averages: Averages;
  /** Replicas that take requests. */
  readonly ready: number;
  readonly spec: ResolvedKpa;
  readonly state: PanicState;
  readonly nowMs: number;
}

/** What a tick wants, before min, max and the way to zero. */
export interface ScaleResult {
  readonly desired: number;
  /** Requests at once that find room besides those of now and the target burst; negative: so many do not. */
  readonly excessBurstCapacity: number;
  readonly state: PanicState;
  /** Which average decided, with what for. */
  readonly why: string;
}

/** Not in panic. */
export const calm: PanicState = { panicAtMs: null, panicCount: 0, delayed: [] };

/**
 * A decider that starts beside more than one replica starts in panic: it keeps them until it has seen a whole window.
 */
export function panicFrom(count: number, nowMs: number): PanicState {
  return count > 1 ? { ...calm, panicAtMs: nowMs, panicCount: count } : calm;
}

/** Knative's autoscaler.Scale (pkg/autoscaler/scaling/autoscaler.go). */
export function desiredScale({ averages, ready, spec, state, nowMs }: ScaleInput): ScaleResult {
  const needed = {
    stable: Math.ceil(averages.stable / spec.perReplica),
    panic: Math.ceil(averages.panic / spec.perReplica),
  };
  const rated = {
    stable: ratedCount(needed.stable, ready, spec),
    panic: ratedCount(needed.panic, ready, spec),
  };
  const isOver = needed.panic / Math.max(1, ready) >= spec.panicThreshold;
  const panicAtMs = isOver ? nowMs : panicLeft(state.panicAtMs, spec, nowMs);
  const isPanicking = panicAtMs !== null;
  const wanted = isPanicking ? Math.max(rated.stable, rated.panic) : rated.stable;
  const panicCount = isPanicking ? Math.max(wanted, state.panicCount) : 0;
  const steady = isPanicking ? panicCount : wanted;
  const { scaleDownDelayMs: delayMs } = spec;
  const delayed = delayMs > 0 ? delayedCounts(state.delayed, { count: steady, nowMs, delayMs }) : [];
  const desired = delayed[0]?.count ?? steady;
  const byPanic = isPanicking && rated.panic > rated.stable;
  const figures = { averages, spec, wanted, isPanicking, byPanic };
  return {
    desired,
    excessBurstCapacity: excessBurst(averages.panic, ready, spec),
    state: { panicAtMs, panicCount, delayed },
    why: sentence(figures, { steady, desired }),
  };
}

/** Within the rates, and not below the activation scale where any is needed. */
function ratedCount(needed: number, ready: number, spec: ResolvedKpa): number {
  const base = Math.max(1, ready);
  const most = Math.ceil(spec.maxScaleUpRate * base);
  const fewest = Math.floor(base / spec.maxScaleDownRate);
  const rated = Math.min(Math.max(needed, fewest), most);
  return needed > 0 && spec.activationScale > 1 ? Math.max(rated, spec.activationScale) : rated;
}

/** A panic that is not renewed ends after more than a stable window. */
function panicLeft(panicAtMs: number | null, spec: ResolvedKpa, nowMs: number): number | null {
  return panicAtMs !== null && panicAtMs + spec.stableWindowMs < nowMs ? null : panicAtMs;
}

function excessBurst(panicAverage: number, ready: number, spec: ResolvedKpa): number {
  if (spec.targetBurstCapacity === 0) return 0;
  if (spec.targetBurstCapacity < 0) return -1;
  return Math.floor(ready * spec.total - spec.targetBurstCapacity - panicAverage);
}

interface Figures {
  readonly averages: Averages;
  readonly spec: ResolvedKpa;
  readonly wanted: number;
  readonly isPanicking: boolean;
  readonly byPanic: boolean;
}

/** `panic: 13 x 7 for 88.4 at once over 6s`. */
function sentence(
  { averages, spec, wanted, isPanicking, byPanic }: Figures,
  { steady, desired }: { steady: number; desired: number },
): string {
  const average = rounded(byPanic ? averages.panic : averages.stable);
  const seconds = (byPanic ? spec.panicWindowMs : spec.stableWindowMs) / 1_000;
  const unit = spec.metric === 'rps' ? 'a second' : 'at once';
  const mode = isPanicking ? 'panic' : 'stable';
  const kept = desired > steady ? `, ${desired} for the scale-down delay` : '';
  const held = steady > wanted ? `, not below ${steady} in panic` : '';
  return `${mode}: ${wanted} x ${rounded(spec.perReplica)} for ${average} ${unit} over ${seconds}s${held}${kept}`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
