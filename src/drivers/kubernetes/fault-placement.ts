import type { EventView } from './fault-events.ts';
import { type Verdict, verdict } from './fault-verdict.ts';
import { conditionOf, type PodView } from './pod-view.ts';

export interface PlacementTimes {
  readonly nowMs: number;
  /** Since when it has been unschedulable or gated, by the clock of `nowMs`; null: since now. */
  readonly unschedulableSinceMs: number | null;
  /** 0 = at once. */
  readonly capacityTimeoutMs: number;
}

/** A queueing controller admits a pod by taking its gate away: every pod of it is gated at first. */
const minGatedMs = 10_000;

/**
 * The verdict on a pod that has no node yet, or null where the scheduler has not refused it. For somebody who waits a gate
 * (Kueue) is the same as a full cluster: no room now, and it may be long. So it has the same limit, but at least ten
 * seconds, since a gate says nothing before its controller has looked.
 */
export function judgePlacement(
  pod: PodView,
  events: readonly EventView[],
  times: PlacementTimes,
): Verdict | null {
  if (pod.nodeName !== null) return null;
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (pod.schedulingGates.length > 0 || scheduled?.reason === 'SchedulingGated') {
    const gates = pod.schedulingGates.join(', ') || 'a scheduling gate';
    const limited = { ...times, capacityTimeoutMs: Math.max(minGatedMs, times.capacityTimeoutMs) };
    return withLimit(verdict(`held back before scheduling by ${gates}`, { fault: 'gated' }), limited);
  }
  if (scheduled?.status !== 'False') return null;
  const words = withoutPreemption(scheduled.message);
  if (/persistentvolumeclaim "[^"]*" not found/.test(words)) {
    return verdict(words, { fault: 'missing', isTerminal: true });
  }
  if (/unbound immediate PersistentVolumeClaims|waiting for ephemeral volume controller/.test(words)) {
    return verdict(words, { fault: 'volume' });
  }
  const reason = `unschedulable: ${words || scheduled.reason}${wordsOfAutoscaler(events)}`;
  return withLimit(verdict(reason, { fault: 'unschedulable' }), times);
}

function withLimit(judged: Verdict, times: PlacementTimes): Verdict {
  const sinceMs = times.unschedulableSinceMs ?? times.nowMs;
  const leftMs = sinceMs + times.capacityTimeoutMs - times.nowMs;
  return leftMs <= 0 ? { ...judged, isTerminal: true } : { ...judged, dueInMs: leftMs };
}

/** What the scheduler adds about preemption repeats the count of nodes and tells a client nothing. */
function withoutPreemption(message: string): string {
  return message.replace(/\s*(?:no new claims to deallocate, )?preemption: .*$/s, '').trim();
}

/** Whether the cluster autoscaler adds a node for it, by its last event. */
function wordsOfAutoscaler(events: readonly EventView[]): string {
  const words = events.filter(({ reason }) => /^(?:NotTriggerScaleUp|TriggeredScaleUp)$/.test(reason));
  const last = words.toSorted((a, b) => b.lastMs - a.lastMs)[0];
  if (last === undefined) return '';
  return last.reason === 'TriggeredScaleUp' ? ' (a node is being added)' : ` (${last.message})`;
}
