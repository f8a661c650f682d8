/** What a driver is asked to run: one revision of one model. `Backend` is the driver's own part of the settings. */
export interface Target<Backend = unknown> {
  /** Unique and stable over restarts: `model/revision`. */
  readonly id: string;
  readonly model: string;
  readonly revision: string;
  readonly backend: Backend;
}

/**
 * | phase | meaning | address |
 * |---|---|---|
 * | starting | it exists, or its creation was asked for; not known to listen | null, or where it will listen |
 * | running | it may be probed | set |
 * | stopping | it was asked to end; it gets no new request | kept |
 * | exited | it is gone; reported once, then it leaves the list | kept |
 */
export type ReplicaPhase = 'starting' | 'running' | 'stopping' | 'exited';

/**
 * Why a start failed or does not come on, for the error's code and for counting.
 *
 * | fault | meaning |
 * |---|---|
 * | unschedulable | no node has room for it (a GPU that is missing) |
 * | gated | it is held back before scheduling (Kueue, scheduling gates) |
 * | preempted | something more important took its place |
 * | image | its image cannot be had |
 * | crash_loop | it exits again and again |
 * | oom_killed | it was ended for want of memory |
 * | gpu_memory | a GPU had not enough memory left for it |
 * | admission | the node or an admission controller refuses it |
 * | volume | a volume cannot be attached or mounted |
 * | quota | a quota is used up |
 * | missing | an object that it needs does not exist |
 * | forbidden | the gateway may not do what it takes |
 * | contended | something else owns the count of replicas |
 */
export type StartFault =
  | 'unschedulable'
  | 'gated'
  | 'preempted'
  | 'image'
  | 'crash_loop'
  | 'oom_killed'
  | 'gpu_memory'
  | 'admission'
  | 'volume'
  | 'quota'
  | 'missing'
  | 'forbidden'
  | 'contended';

/** How one replica is probed where the driver knows better than the revision's `ReadySpec`; absent keys are taken from that. */
export interface ProbePlan {
  /** `none`: as soon as it runs. */
  readonly kind?: 'http' | 'tcp' | 'grpc' | 'none';
  /** Where, if not at the replica's own origin: `http://host:port`. */
  readonly origin?: string;
  readonly path?: string;
  /** Of gRPC: the service that is asked for. */
  readonly service?: string;
  readonly statuses?: readonly number[];
  /** Sent with the probe, lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One instance as the driver sees it. Readiness is not the driver's business: activation probes it. */
export interface ReplicaStatus {
  /** Never reused, so that a new instance at an old address is not taken for the old one. */
  readonly id: string;
  /** `http://host:port`, without a path; null until known. */
  readonly origin: string | null;
  readonly phase: ReplicaPhase;
  /** Of the leader of its process group on this machine; absent: it runs elsewhere, or not yet. */
  readonly pid?: number;
  /** Steps of the start that the driver knows, with `Clock.nowMs()`: `spawned` and the like, in order. */
  readonly steps: readonly { readonly name: string; readonly atMs: number }[];
  /** Why it exited or does not start, in one line: `exited with code 1: CUDA out of memory`. */
  readonly reason?: string;
  /** What kind of reason that is, where the driver can tell. */
  readonly fault?: StartFault;
  /** How it is probed, if not as the revision's settings say. */
  readonly probe?: ProbePlan;
  /** What the platform says of its readiness; false keeps it out of the gate whatever a probe says. Absent: not asked. */
  readonly isReady?: boolean;
  /** `origin` leads to any of the target's replicas (a Service): what is sent there need not come to this one. */
  readonly isShared?: boolean;
  /** Where `TargetStatus.removal` is `highest-ordinal`: the highest goes first. */
  readonly ordinal?: number;
  /** The last lines of its output, where the driver has them. */
  readonly output?: readonly string[];
}

/** The whole state of a target. */
export interface TargetStatus {
  readonly replicas: readonly ReplicaStatus[];
  /** Why the target as a whole cannot start (missing command, no such directory), if so. */
  readonly failure?: string;
  /** What kind of failure that is, where the driver can tell. */
  readonly fault?: StartFault;
  /**
   * The count that is asked for now, by whoever asked last: it differs from that of the last `scale` when somebody else
   * (a person, an HPA) changed it, and is obeyed. From the resolution of a `scale` on it is what that asked for, or what
   * others asked for later, never what was before. Absent: only `scale` changes it.
   */
  readonly desired?: number;
  /** What is known about which replicas end when the count goes down; default `victims`. */
  readonly removal?: Removal;
  /** The driver lost sight of the target: what it says is old, and nothing may be ended because of it. */
  readonly isStale?: boolean;
  /** What an operator should know of the target, by type. */
  readonly conditions?: readonly TargetCondition[];
}

/**
 * | removal | who ends when the count goes down |
 * |---|---|
 * | victims | those that `ScaleRequest.victims` names |
 * | highest-ordinal | those with the highest `ordinal` |
 * | unknown | anybody: it may only go down while none of them is busy |
 */
export type Removal = 'victims' | 'highest-ordinal' | 'unknown';

/** Something about a target that lasts and that somebody should mend: `ReplicasContested`, `Stale`. */
export interface TargetCondition {
  /** In CamelCase, stable. */
  readonly type: string;
  /** What is wrong and what to do, in one line. */
  readonly message: string;
}

/** What `scale` asks for. */
export interface ScaleRequest {
  /** The desired count. */
  readonly replicas: number;
  /** Which to end first when the count goes down (a hint without `canReplace`); others are the driver's choice. */
  readonly victims?: readonly string[];
}

/** How revisions are scaled and watched. One file or folder per driver; all pass test/conformance/driver.ts. */
export interface Driver<Backend = unknown> {
  readonly name: string;
  /**
   * Whether the replicas are there whatever is asked for: `scale` neither starts nor ends any, so that they are probed
   * and waited for, and never counted, replaced or backed off from.
   */
  readonly isFixed: boolean;
  /**
   * Whether it can end one certain replica and start another in its place (`victims` is an order, not a hint): then one
   * that hangs is restarted, else it is only tried again, with a single request. Never true where `isFixed` is.
   */
  readonly canReplace: boolean;
  /**
   * Whether the platform itself replaces a replica that ends unasked: then the count that was asked for stands, and a
   * failed start is given up by asking for one less. Never true where `isFixed` is.
   */
  readonly replacesLost: boolean;
  /**
   * Makes `replicas` the desired count: idempotent, the last call wins. Resolves when that is on its way, not when
   * it is reached; rejects when it cannot be asked for at all (the error's `fault`, a `StartFault`, says what kind of
   * reason that is, where it can tell). Replicas that exit by themselves are reported and, but
   * where `replacesLost`, not replaced until the next call (the caller decides about back-off).
   */
  scale(target: Target<Backend>, request: ScaleRequest, signal: AbortSignal): Promise<void>;
  /**
   * Calls `onStatus` with the current state at once and after every change, never concurrently, until the signal
   * aborts; then resolves. Rejects only when watching is impossible.
   */
  watch(
    target: Target<Backend>,
    onStatus: (status: TargetStatus) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Ends every process it started; what lives on without the gateway (a cluster's pods) is left alone. */
  close(): Promise<void>;
}
