import type { KubernetesBackend } from '../../config/settings.ts';
import type { ReplicaStatus } from '../../core/driver.ts';
import type { SliceView } from './endpoint-slices.ts';
import type { EventView } from './fault-events.ts';
import { judgePod } from './fault-judge.ts';
import { type CrashLine, verdictWithLine } from './fault-log.ts';
import type { SilentExit, Verdict } from './fault-verdict.ts';
import { isMeshed } from './mesh.ts';
import { ordinalOf } from './pod-order.ts';
import { originOf, portOf } from './pod-port.ts';
import { isPodReady, probeOf } from './pod-probe.ts';
import { stepsOf } from './pod-steps.ts';
import { conditionOf, hasEnded, type PodView } from './pod-view.ts';
import { type ServiceView, servicePortOf } from './service-view.ts';

/** What is remembered of a pod between two looks. */
export interface PodRecord {
  /** Step to `nowMs` of when it was first seen here, in order. */
  readonly stepAtMs: Map<string, number>;
  /** `nowMs` since which it has no node; null while it has one. */
  unplacedSinceMs: number | null;
  /** Last log lines of its exits, by container. */
  readonly lineByContainer: Map<string, CrashLine>;
  /** It was told as one whose start has failed. */
  hasFailed: boolean;
  /** `nowMs` since which it has ended and another takes its place; null: it has not. */
  replacedSinceMs: number | null;
}

/** How long a pod that ended and is replaced is told as one that stops: then it is not there, though the cluster keeps it. */
const replacedToldMs = 1_000;

/** What is remembered of a pod that is new here. */
export function newRecord(): PodRecord {
  return {
    stepAtMs: new Map(),
    unplacedSinceMs: null,
    lineByContainer: new Map(),
    hasFailed: false,
    replacedSinceMs: null,
  };
}

/** What a pod is looked at with. */
export interface PodSurroundings {
  readonly targetId: string;
  readonly backend: KubernetesBackend;
  readonly namespace: string;
  readonly service: string | null;
  /** Asked only where requests go through the Service; undefined: not known. */
  serviceOf(name: string): ServiceView | undefined;
  /** Of the service. */
  readonly slices: readonly SliceView[];
  readonly events: readonly EventView[];
  /** What the log of that exit says, as far as it was read. */
  lineOf(exit: SilentExit): CrashLine;
  readonly nowMs: number;
}

/** A pod as a replica, and `nowMs` at which it must be looked at again; null: not before it changes. */
export interface PodReplica {
  readonly status: ReplicaStatus;
  readonly dueMs: number | null;
}

/** The id of the replica that a pod is: never reused, since it holds the pod's uid. */
export function replicaId(targetId: string, pod: PodView): string {
  return `${targetId}@${pod.name}/${pod.uid.slice(0, 8)}`;
}

/** Looks at a pod; `record` is brought up to date. Null: it has ended, another took its place, and that was told. */
export function replicaOf(pod: PodView, record: PodRecord, around: PodSurroundings): PodReplica | null {
  const { backend, events, nowMs, slices, targetId } = around;
  for (const name of stepsOf(pod, events)) if (!record.stepAtMs.has(name)) record.stepAtMs.set(name, nowMs);
  const isHeld = pod.schedulingGates.length > 0 || conditionOf(pod, 'PodScheduled')?.status === 'False';
  if (pod.nodeName !== null || !isHeld) record.unplacedSinceMs = null;
  else record.unplacedSinceMs ??= nowMs;
  const judged = judgePod(pod, events, {
    nowMs,
    unschedulableSinceMs: record.unplacedSinceMs,
    capacityTimeoutMs: backend.capacityTimeoutMs,
  });
  const verdict = withLine(judged, record, around);
  record.hasFailed = verdict.isTerminal;
  if (hasEnded(pod) && !verdict.isTerminal) record.replacedSinceMs ??= nowMs;
  const goneMs = record.replacedSinceMs === null ? null : record.replacedSinceMs + replacedToldMs;
  if (goneMs !== null && goneMs <= nowMs) return null;
  const origin = podOrigin(pod, around);
  const ordinal = ordinalOf(pod);
  const status: ReplicaStatus = {
    id: replicaId(targetId, pod),
    origin,
    phase: phaseOf(pod, slices, { isTerminal: verdict.isTerminal, hasOrigin: origin !== null }),
    steps: [...record.stepAtMs].map(([name, atMs]) => ({ name, atMs })),
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.fault === undefined ? {} : { fault: verdict.fault }),
    ...readinessOf(pod, around),
    ...(isByService(pod, around) ? { isShared: true } : {}),
    ...(ordinal === null ? {} : { ordinal }),
  };
  return { status, dueMs: goneMs ?? (verdict.dueInMs === null ? null : nowMs + verdict.dueInMs) };
}

/** Where the exit is silent, with its last log line. */
function withLine(judged: Verdict, { hasFailed }: PodRecord, { lineOf, nowMs }: PodSurroundings): Verdict {
  if (judged.silentExit === undefined) return judged;
  const told = verdictWithLine(judged, lineOf(judged.silentExit), nowMs);
  // A start that failed once does not come back for the sake of a later exit's line.
  return hasFailed ? { ...told, isTerminal: judged.isTerminal } : told;
}

function phaseOf(
  pod: PodView,
  slices: readonly SliceView[],
  { isTerminal, hasOrigin }: { readonly isTerminal: boolean; readonly hasOrigin: boolean },
): ReplicaStatus['phase'] {
  const isTerminating = slices.some(({ endpoints }) =>
    endpoints.some((endpoint) => endpoint.podUid === pod.uid && endpoint.isTerminating),
  );
  if (pod.isDeleting || isTerminating) return 'stopping';
  if (isTerminal) return 'exited';
  if (hasEnded(pod)) return 'stopping';
  return hasOrigin && pod.podIP !== null && pod.phase !== 'Unknown' ? 'running' : 'starting';
}

/** Whether requests to it go through its Service. */
function isByService(pod: PodView, { backend, service }: PodSurroundings): boolean {
  if (service === null) return false;
  return backend.route === 'service' || (backend.route === 'auto' && isMeshed(pod));
}

function podOrigin(pod: PodView, around: PodSurroundings): string | null {
  const port = portOf(pod, around.slices, around.backend);
  if (pod.podIP === null || port === null) return null;
  if (around.service !== null && isByService(pod, around)) {
    const view = around.serviceOf(around.service);
    // Where Services may not be read, the pod's port is the best guess.
    const own = view === undefined ? port : servicePortOf(view, port, around.backend.port);
    return own === null ? null : `http://${around.service}.${around.namespace}.svc:${own}`;
  }
  return originOf(pod.podIP, port);
}

/** Through a Service no single pod can be probed: the platform says which is ready. */
function readinessOf(pod: PodView, around: PodSurroundings): Pick<ReplicaStatus, 'probe' | 'isReady'> {
  if (isByService(pod, around)) return { probe: { kind: 'tcp' }, isReady: isPodReady(pod) };
  const { probe, trustsOwn, trustsPlatform } = probeOf(pod, around.backend);
  return {
    ...(trustsOwn ? (probe === undefined ? {} : { probe }) : { probe: { kind: 'none' } }),
    ...(trustsPlatform ? { isReady: isPodReady(pod) } : {}),
  };
}
