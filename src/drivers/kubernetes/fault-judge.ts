import { judgeContainers } from './fault-container.ts';
import { judgeDisruption, judgeEnd, judgeRefusal } from './fault-ended.ts';
import type { EventView } from './fault-events.ts';
import { judgePlacement, type PlacementTimes } from './fault-placement.ts';
import { judgeSetup } from './fault-setup.ts';
import { fine, type Verdict } from './fault-verdict.ts';
import { eventsOf, hasVolumes } from './pod-steps.ts';
import { conditionOf, type PodView } from './pod-view.ts';

/**
 * Why a pod that is not ready does not come on, and whether waiting for it is in vain. Nothing is said of a ready one.
 * `events` may hold those of other objects too. The first that applies counts:
 *
 * | case | fault | terminal |
 * |---|---|---|
 * | refused by the node (UnexpectedAdmissionError, OutOfcpu) | admission | at once |
 * | preempted, evicted, its node gone | preempted, none | only without a controller that replaces it |
 * | ended otherwise (phase Failed, Succeeded) | crash_loop, oom_killed, none | at once |
 * | scheduling gates | gated | after the capacity time-out, at least 10 s |
 * | a claim that does not exist | missing | at once |
 * | claims not bound yet | volume | no |
 * | no node has room | unschedulable | after the capacity time-out |
 * | InvalidImageName, ErrImageNeverPull | image | at once |
 * | other image faults | image | when the registry says not found or not allowed |
 * | exits (init containers too) | crash_loop, oom_killed | at the second exit since it was ready |
 * | CreateContainerConfigError | missing, admission | at once |
 * | CreateContainerError, RunContainerError and the like | none | no: what lasts becomes exits |
 * | a Secret or ConfigMap to mount that does not exist | missing | at once |
 * | FailedMount, FailedAttachVolume (Multi-Attach) | volume | no |
 * | FailedCreatePodSandBox | none | no |
 */
export function judgePod(pod: PodView, events: readonly EventView[], times: PlacementTimes): Verdict {
  if (conditionOf(pod, 'Ready')?.status === 'True') return fine;
  const outside = judgeRefusal(pod) ?? judgeDisruption(pod);
  if (outside !== null) return outside;
  if (pod.isDeleting) return fine;
  const own = eventsOf(pod, events);
  const early = judgeEnd(pod) ?? judgePlacement(pod, own, times);
  if (early !== null) return early;
  const containers = judgeContainers(pod, own);
  if (containers.reason !== undefined || pod.nodeName === null || hasVolumes(pod, own)) return containers;
  return judgeSetup(own) ?? fine;
}
