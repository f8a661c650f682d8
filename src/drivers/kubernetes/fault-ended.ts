import { describeExit, silenceOf } from './fault-container.ts';
import { joined, type Verdict, verdict } from './fault-verdict.ts';
import { lastExitOf } from './pod-exits.ts';
import { conditionOf, hasEnded, type PodView } from './pod-view.ts';

/** Reasons of the kubelet for not taking a pod that was bound to its node (pkg/kubelet/lifecycle, pkg/kubelet/cm). */
const refusals =
  /^(?:UnexpectedAdmissionError|OutOf.+|NodeAffinity|NodeName|NodePorts|NodeShutdown|TaintToleration|TopologyAffinityError|SysctlForbidden|AppArmor|Pod(?:OS|Feature|Level).+|Unsupported.+|InvalidNodeInfo)$/;

/**
 * The verdict on a pod that something took away (a pod of higher priority, an eviction, a node that ended), or null. It is
 * not terminal while a controller puts another in its place: the start goes on with that one.
 */
export function judgeDisruption(pod: PodView): Verdict | null {
  const target = conditionOf(pod, 'DisruptionTarget');
  const isDisrupted = target?.status === 'True';
  if (!isDisrupted && pod.reason !== 'Preempting' && pod.reason !== 'Evicted') return null;
  const message = pod.message || target?.message || '';
  const isTerminal = pod.phase === 'Failed' && pod.owner === null;
  if (target?.reason === 'PreemptionByScheduler' || pod.reason === 'Preempting') {
    return verdict(joined('preempted', message), { fault: 'preempted', isTerminal });
  }
  return verdict(joined('evicted', message), { isTerminal });
}

/** The verdict on a pod that the node refused, or null. `Evicted` is one of the reasons: a node under pressure takes none. */
export function judgeRefusal(pod: PodView): Verdict | null {
  const isRefused =
    refusals.test(pod.reason) || /^Pod (?:was rejected: |The node had condition)/.test(pod.message);
  if (pod.phase !== 'Failed' || !isRefused) return null;
  const words = joined(pod.reason || 'refused by the node', pod.message);
  return verdict(words, { fault: 'admission', isTerminal: true });
}

/** The verdict on a pod that has ended (phase Failed or Succeeded), or null: it will not run again. */
export function judgeEnd(pod: PodView): Verdict | null {
  if (!hasEnded(pod)) return null;
  for (const container of [...pod.initContainers, ...pod.containers]) {
    const exit = lastExitOf(container);
    if (exit === null || (exit.exitCode === 0 && pod.phase === 'Failed')) continue;
    return verdict(`container "${container.name}" exited: ${describeExit(exit)}`, {
      fault: exit.reason === 'OOMKilled' ? 'oom_killed' : 'crash_loop',
      isTerminal: true,
      ...silenceOf(container, exit),
    });
  }
  return verdict(joined(pod.reason || 'the pod has ended', pod.message), { isTerminal: true });
}
