import type { EventView } from './fault-events.ts';
import type { ContainerView } from './pod-container.ts';
import { conditionOf, type PodView } from './pod-view.ts';

const waitsForImage = /^(?:ErrImagePull|ImagePullBackOff|ImageInspectError|RegistryUnavailable)$/;

/**
 * The steps of its start that a pod has reached, in their order: `pod created`, `scheduled`, `volumes attached`,
 * `image pulling`, `image pulled`, `init containers`, `container started`. `events` may hold those of other objects, and
 * may be missing: what the statuses show is enough, but for `image pulling`, which nothing else tells while it goes well,
 * and which is left out for an image that was on the node. A step once reached is never one of the later ones' successors:
 * with init containers the images are those that they need, and the images of the others are part of
 * `container started`. `init containers` means that all of them have done their part, and is left out without any.
 */
export function stepsOf(pod: PodView, events: readonly EventView[]): string[] {
  const own = eventsOf(pod, events);
  const inits = pod.initContainers.filter(({ isSidecar }) => !isSidecar);
  const isStarted = pod.containers.length > 0 && pod.containers.every(hasRun);
  const isInitialized = isStarted || conditionOf(pod, 'Initialized')?.status === 'True';
  const hasImages = isStarted || (inits.length > 0 ? inits.some(hasRun) : false) || hasPulled(pod, own);
  const isPulling = hasSeen(own, 'Pulling') || all(pod).some(isWaitingForImage);
  const isMounted = hasImages || hasVolumes(pod, own);
  const isScheduled = isMounted || pod.nodeName !== null || hasSeen(own, 'Scheduled');
  const steps: [string, boolean][] = [
    ['pod created', true],
    ['scheduled', isScheduled],
    ['volumes attached', isMounted],
    ['image pulling', isPulling],
    ['image pulled', hasImages],
    ['init containers', inits.length > 0 && hasImages && isInitialized],
    ['container started', isStarted],
  ];
  return steps.filter(([, isReached]) => isReached).map(([name]) => name);
}

/** The events that tell of this pod. */
export function eventsOf(pod: PodView, events: readonly EventView[]): readonly EventView[] {
  return events.filter(({ about }) => about.kind === 'Pod' && about.uid === pod.uid);
}

/** Whether its volumes are mounted and its network is there: the kubelet does nothing about images before. */
export function hasVolumes(pod: PodView, events: readonly EventView[]): boolean {
  return (
    conditionOf(pod, 'PodReadyToStartContainers')?.status === 'True' ||
    all(pod).some((container) => hasRun(container) || isWaitingForImage(container)) ||
    events.some(({ reason }) => reason === 'Pulling' || reason === 'Pulled')
  );
}

function all(pod: PodView): ContainerView[] {
  return [...pod.initContainers, ...pod.containers];
}

function hasRun({ state, lastExit }: ContainerView): boolean {
  return state.is === 'running' || state.is === 'terminated' || lastExit !== null;
}

function isWaitingForImage({ state }: ContainerView): boolean {
  return state.is === 'waiting' && waitsForImage.test(state.reason);
}

function hasSeen(events: readonly EventView[], reason: string): boolean {
  return events.some((event) => event.reason === reason);
}

/** The images of those that run first are there: init containers one after the other, the others at once. */
function hasPulled(pod: PodView, events: readonly EventView[]): boolean {
  const first = pod.initContainers.slice(0, 1);
  const needed = first.length > 0 ? first : pod.containers;
  const pulled = events.filter(({ reason }) => reason === 'Pulled' || reason === 'Created');
  return needed.length > 0 && needed.every(({ name }) => pulled.some(({ container }) => container === name));
}
