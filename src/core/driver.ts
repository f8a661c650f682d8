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

/** One instance as the driver sees it. Readiness is not the driver's business: activation probes it. */
export interface ReplicaStatus {
  /** Never reused, so that a new instance at an old address is not taken for the old one. */
  readonly id: string;
  /** `http://host:port`, without a path; null until known. */
  readonly origin: string | null;
  readonly phase: ReplicaPhase;
  /** Steps of the start that the driver knows, with `Clock.nowMs()`: `spawned` and the like, in order. */
  readonly steps: readonly { readonly name: string; readonly atMs: number }[];
  /** Why it exited or does not start, in one line: `exited with code 1: CUDA out of memory`. */
  readonly reason?: string;
  /** The last lines of its output, where the driver has them. */
  readonly output?: readonly string[];
}

/** The whole state of a target. */
export interface TargetStatus {
  readonly replicas: readonly ReplicaStatus[];
  /** Why the target as a whole cannot start (missing command, no such directory), if so. */
  readonly failure?: string;
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
   * Makes `replicas` the desired count: idempotent, the last call wins. Resolves when that is on its way, not when
   * it is reached; rejects when it cannot be asked for at all. Replicas that exit by themselves are reported and not
   * replaced until the next call (the caller decides about back-off).
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
  /** Ends everything it started; what it does not own is left alone. */
  close(): Promise<void>;
}
