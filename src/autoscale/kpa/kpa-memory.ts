import { kpaLimits } from '../../core/kpa.ts';
import type { Observed, PolicyMemory, ScaleState } from '../../core/scaling.ts';
import { beginHistory, type DemandHistory } from './demand-history.ts';
import { calm, type PanicState, panicFrom } from './desired-scale.ts';
import { bucketMs, type ResolvedKpa, tickMs } from './kpa-spec.ts';
import type { Activity } from './to-zero.ts';

/** What the KPA keeps between two decisions. */
export interface KpaMemory extends PolicyMemory {
  readonly policy: 'kpa';
  readonly history: DemandHistory;
  readonly panic: PanicState;
  /** What the last tick wanted, before min, max and the way to zero; null: it knew nothing yet. */
  readonly decided: number | null;
  /** Why. */
  readonly why: string;
  readonly excessBurstCapacity: number;
  readonly nextTickMs: number;
  readonly nextSampleMs: number;
  /** Whether the initial scale was reached; it counts for nothing after that. */
  readonly isInitialised: boolean;
  readonly activity: Activity;
  /** The count of the last decision. */
  readonly desired: number;
}

/**
 * What the last decision left, in the light of what became of it: a count that others changed, or that was found, is
 * kept for a stable window as if the decider had started beside it; where all was taken back (a stop, a start that
 * failed) nothing is left of what was wanted before, and where a part was lost, the next tick wants it again.
 */
export function rememberedOf(
  observed: Observed,
  spec: ResolvedKpa,
  { desired: current, memory }: ScaleState,
  nowMs: number,
): KpaMemory {
  const last = isKpa(memory) ? memory : begun(observed, spec, current, nowMs);
  const isReached = !last.isInitialised && observed.ready >= Math.max(spec.min, spec.initialScale);
  const before = isReached ? { ...last, isInitialised: true } : last;
  const { askedByOthers } = observed;
  if (askedByOthers === undefined && current === before.desired) return before;
  const count = askedByOthers ?? current;
  const kept = { ...before, decided: count, panic: panicFrom(count, nowMs), desired: count };
  if (askedByOthers !== undefined) return { ...kept, why: `others asked for ${count}` };
  if (current > before.desired) return { ...kept, why: `${count} found` };
  if (count > 0) return { ...before, decided: Math.min(count, before.decided ?? count), desired: count };
  const sample = { demand: observed.demand, ready: observed.ready, nowMs };
  return {
    ...kept,
    ...phasedFrom(nowMs),
    history: beginHistory(sample, spec),
    panic: calm,
    why: 'taken back',
    isInitialised: true,
  };
}

function isKpa(memory: PolicyMemory | undefined): memory is KpaMemory {
  return memory?.policy === 'kpa';
}

function begun(observed: Observed, spec: ResolvedKpa, current: number, nowMs: number): KpaMemory {
  const isThere = current + observed.ready + observed.starting + spec.min + spec.initialScale > 0;
  return {
    policy: 'kpa',
    history: beginHistory({ demand: observed.demand, ready: observed.ready, nowMs }, spec),
    panic: panicFrom(observed.ready, nowMs),
    decided: null,
    why: 'no data yet',
    excessBurstCapacity: firstExcess(spec),
    ...phasedFrom(nowMs),
    isInitialised: false,
    activity: { phase: isThere ? 'activating' : 'inactive', sinceMs: nowMs, heldSinceMs: nowMs },
    desired: current,
  };
}

/** Ticks and samples are counted from here. */
export function phasedFrom(nowMs: number): { nextTickMs: number; nextSampleMs: number } {
  return { nextTickMs: nowMs + tickMs, nextSampleMs: nowMs + bucketMs };
}

/** What the initial scale would leave free. */
function firstExcess(spec: ResolvedKpa): number {
  const { targetBurstCapacity, initialScale } = spec;
  if (targetBurstCapacity <= 0) return targetBurstCapacity;
  return Math.trunc(initialScale * spec.total - targetBurstCapacity);
}

/** The least and the most there may be now, whatever is wanted. */
export function boundsOf(
  { isInitialised }: KpaMemory,
  spec: ResolvedKpa,
  byOthers: number,
): { least: number; most: number } {
  const least = isInitialised ? spec.min : Math.max(spec.min, spec.initialScale);
  const max = spec.max === 0 ? kpaLimits.countMax : spec.max;
  return { least, most: Math.max(least, max, byOthers) };
}
