import type { ContainerExit, ContainerView } from './pod-container.ts';
import { conditionOf, type PodView } from './pod-view.ts';

/** Between the kubelet's taking a pod over and its first word about readiness; times of the API are whole seconds. */
const firstWordMs = 5_000;

/** The exit that came last, or null. */
export function lastExitOf({ state, lastExit }: ContainerView): ContainerExit | null {
  return state.is === 'terminated' ? state : lastExit;
}

/**
 * When a pod stopped being ready, wall milliseconds; null where it never was ready. Seen by its condition: Ready turns
 * False with the pod's start, and again only after it was True.
 */
function readyLostMs(pod: PodView): number | null {
  const ready = conditionOf(pod, 'Ready');
  const atMs = ready?.lastTransitionMs ?? null;
  if (ready?.status !== 'False' || atMs === null || pod.startedMs === null) return null;
  return atMs > pod.startedMs + firstWordMs ? atMs : null;
}

/**
 * How often a container exited in the life of its pod. `restarts` counts the starts after the first, so an exit that was
 * not followed by a start yet (terminated, or waiting in CrashLoopBackOff) comes on top.
 */
export function exitsInLife({ state, restarts }: ContainerView): number {
  const isDown = state.is === 'terminated' || (state.is === 'waiting' && state.reason === 'CrashLoopBackOff');
  return restarts + (isDown ? 1 : 0);
}

/**
 * How often a container exited without its pod having been ready in between. Of a pod
 * that was ready the exits of its whole life are in the count: there the exit that ended it is one, and an exit of
 * a run that began afterwards another.
 */
export function exitsOf(container: ContainerView, pod: PodView): number {
  const last = lastExitOf(container);
  const all = exitsInLife(container);
  const lostMs = readyLostMs(pod);
  if (lostMs === null) return all;
  const hasFailedSince = last?.startedMs != null && last.startedMs >= lostMs - 1_000;
  return Math.min(all, hasFailedSince ? 2 : 1);
}
