import type { EventView } from './fault-events.ts';
import { judgeImage } from './fault-image.ts';
import { fine, joined, lastLineOf, type SilentExit, type Verdict, verdict } from './fault-verdict.ts';
import type { ContainerExit, ContainerView } from './pod-container.ts';
import { exitsInLife, exitsOf, lastExitOf } from './pod-exits.ts';
import type { PodView } from './pod-view.ts';

/** Reasons for waiting that are the ordinary way. */
const ordinary = new Set(['', 'ContainerCreating', 'PodInitializing', 'CrashLoopBackOff']);

/** The API server was slow, or the kubelet has not read the object yet: it tries again. */
const passing = /failed to sync (?:secret|configmap) cache|timed out waiting for the condition/;

/**
 * The verdict on the containers of a pod: those that run before the others first, then one whose start has failed before
 * one that may still come on.
 */
export function judgeContainers(pod: PodView, events: readonly EventView[]): Verdict {
  const verdicts = [
    ...pod.initContainers.map((container) => judgeContainer(container, { pod, events, isInit: true })),
    ...pod.containers.map((container) => judgeContainer(container, { pod, events, isInit: false })),
  ].filter(({ reason }) => reason !== undefined);
  return verdicts.find(({ isTerminal }) => isTerminal) ?? verdicts[0] ?? fine;
}

interface Surroundings {
  readonly pod: PodView;
  readonly events: readonly EventView[];
  readonly isInit: boolean;
}

function judgeContainer(container: ContainerView, { pod, events, isInit }: Surroundings): Verdict {
  if (container.isReady) return fine;
  const label = isInit && !container.isSidecar ? 'init container' : 'container';
  const name = `${label} "${container.name}"`;
  const image = judgeImage(container, events);
  if (image !== null) return image;
  const crash = judgeExits(container, { name, pod, isOneShot: isInit && !container.isSidecar });
  if (crash !== null) return crash;
  const { state } = container;
  if (state.is !== 'waiting' || ordinary.has(state.reason)) return fine;
  const reason = joined(`${name}: ${state.reason}`, state.message);
  return state.reason === 'CreateContainerConfigError' ? judgeConfig(reason) : verdict(reason);
}

/** Most often a Secret or ConfigMap that is not there; a user that the image may not have is the other case. */
function judgeConfig(reason: string): Verdict {
  if (passing.test(reason)) return verdict(reason);
  return verdict(reason, { fault: /runAsNonRoot/.test(reason) ? 'admission' : 'missing', isTerminal: true });
}

/**
 * One exit may be chance (the node was short of something, a dependency not there yet); the second is a loop, whether or
 * not the kubelet calls it CrashLoopBackOff by then: it starts the second run without a back-off.
 */
function judgeExits(
  container: ContainerView,
  { name, pod, isOneShot }: { name: string; pod: PodView; isOneShot: boolean },
): Verdict | null {
  const exit = lastExitOf(container);
  const hasDoneItsPart = isOneShot && exit?.exitCode === 0;
  const exits = exitsOf(container, pod);
  if (exit === null || exits === 0 || hasDoneItsPart) return null;
  const isOom = exit.reason === 'OOMKilled';
  const times = exits === 1 ? 'exited' : 'exits again and again';
  return verdict(`${name} ${times}: ${describeExit(exit)}`, {
    fault: isOom ? 'oom_killed' : 'crash_loop',
    isTerminal: exits >= 2,
    ...silenceOf(container, exit),
  });
}

/** Says that of this exit of a container nothing but its code is told, where that is so. */
export function silenceOf(container: ContainerView, exit: ContainerExit): { silentExit?: SilentExit } {
  if (isTelling(exit) || exit.message.trim() !== '') return {};
  const isCurrent = container.state.is === 'terminated';
  return { silentExit: { container: container.name, number: exitsInLife(container), isCurrent } };
}

/** Whether the reason of an exit says more than that it was one. */
function isTelling({ reason }: ContainerExit): boolean {
  return !['', 'Error', 'Completed'].includes(reason);
}

/** `exit code 1: CUDA out of memory`: how it ended, with the last thing it said. */
export function describeExit(exit: ContainerExit): string {
  const code = exit.signal > 0 ? `signal ${exit.signal}` : `exit code ${exit.exitCode}`;
  return joined(isTelling(exit) ? `${exit.reason}, ${code}` : code, lastLineOf(exit.message));
}
