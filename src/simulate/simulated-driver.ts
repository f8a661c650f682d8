import type { Clock } from '../core/clock.ts';
import type { Driver, ReplicaStatus, ScaleRequest, Target, TargetStatus } from '../core/driver.ts';
import type { Prober } from '../core/prober.ts';

/** What a simulated driver starts replicas with. */
export interface SimulatedDriverOptions {
  readonly clock: Clock;
  /** How long the next start of a target takes. */
  loadMs(target: Target): number;
  /** A promise was made that its caller goes on with. */
  promised(): void;
  /** Where a replica would listen; `number` is never used again. Default: nowhere. */
  originOf?(number: number): string;
  /** A replica exists from now on, and is loading. */
  onCreated?(target: Target, replicaId: string): void;
  /** It is gone. */
  onEnded?(target: Target, replicaId: string): void;
}

interface SimulatedReplica {
  readonly status: ReplicaStatus;
  readonly cancelLoad: () => void;
}

interface SimulatedTarget {
  readonly target: Target;
  readonly replicaById: Map<string, SimulatedReplica>;
  /** Exits that are to be told once. */
  exited: ReplicaStatus[];
  readonly watchers: Set<(status: TargetStatus) => void>;
  isToldLater: boolean;
}

/**
 * A Driver whose replicas are only counted: one runs when its load time has passed, and is gone as soon as it was told to
 * end. What it has to tell it tells in a timer of the same instant, never within a call.
 */
export class SimulatedDriver implements Driver {
  readonly name = 'simulated';
  readonly isFixed = false;
  readonly canReplace = true;
  readonly replacesLost = false;
  readonly #options: SimulatedDriverOptions;
  readonly #targetById = new Map<string, SimulatedTarget>();
  #made = 0;

  constructor(options: SimulatedDriverOptions) {
    this.#options = options;
  }

  async scale(target: Target, request: ScaleRequest, signal: AbortSignal): Promise<void> {
    this.#options.promised();
    signal.throwIfAborted();
    const one = this.#targetOf(target);
    const ids = [...one.replicaById.keys()];
    for (const id of victimsAmong(ids, request)) this.#end(one, id);
    for (let missing = request.replicas - one.replicaById.size; missing > 0; missing--) this.#begin(one);
    this.#tellLater(one);
  }

  async watch(target: Target, onStatus: (status: TargetStatus) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { watchers, replicaById } = this.#targetOf(target);
    watchers.add(onStatus);
    onStatus(statusOf(replicaById, []));
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    watchers.delete(onStatus);
  }

  async close(): Promise<void> {
    for (const one of this.#targetById.values())
      for (const id of [...one.replicaById.keys()]) this.#end(one, id);
  }

  #targetOf(target: Target): SimulatedTarget {
    let one = this.#targetById.get(target.id);
    if (one === undefined) {
      one = { target, replicaById: new Map(), exited: [], watchers: new Set(), isToldLater: false };
      this.#targetById.set(target.id, one);
    }
    return one;
  }

  #begin(one: SimulatedTarget): void {
    const { clock, loadMs, originOf = nowhere, onCreated } = this.#options;
    const number = ++this.#made;
    const id = `${one.target.id}#${number}`;
    const nowMs = clock.nowMs();
    const steps = [{ name: 'spawned', atMs: nowMs }];
    const cancelLoad = clock.setTimer(nowMs + loadMs(one.target), () => {
      const status: ReplicaStatus = { id, origin: originOf(number), phase: 'running', steps };
      one.replicaById.set(id, { status, cancelLoad });
      this.#tell(one);
    });
    one.replicaById.set(id, { status: { id, origin: null, phase: 'starting', steps }, cancelLoad });
    onCreated?.(one.target, id);
  }

  #end(one: SimulatedTarget, id: string): void {
    const { status, cancelLoad } = one.replicaById.get(id)!;
    cancelLoad();
    one.replicaById.delete(id);
    one.exited.push({ ...status, phase: 'exited', reason: 'told to end' });
    this.#options.onEnded?.(one.target, id);
  }

  #tellLater(one: SimulatedTarget): void {
    if (one.isToldLater) return;
    one.isToldLater = true;
    const { clock } = this.#options;
    clock.setTimer(clock.nowMs(), () => {
      one.isToldLater = false;
      this.#tell(one);
    });
  }

  #tell(one: SimulatedTarget): void {
    const status = statusOf(one.replicaById, one.exited);
    const hasExited = one.exited.length > 0;
    one.exited = [];
    for (const onStatus of one.watchers) onStatus(status);
    if (hasExited) this.#tellLater(one);
  }
}

/** Finds ready whatever runs: a simulated replica runs only when it has loaded. */
export function simulatedProber(promised: () => void): Prober {
  return {
    async probe() {
      promised();
      return { state: 'ready', detail: 'simulated' };
    },
    async warm() {
      promised();
      return null;
    },
  };
}

function nowhere(number: number): string {
  return `http://replica-${number}.invalid`;
}

function statusOf(
  replicaById: ReadonlyMap<string, SimulatedReplica>,
  exited: readonly ReplicaStatus[],
): TargetStatus {
  return { replicas: [...[...replicaById.values()].map(({ status }) => status), ...exited] };
}

/** Those that are too many: the ones asked for, then the youngest. */
function victimsAmong(ids: readonly string[], { replicas, victims = [] }: ScaleRequest): string[] {
  const rank = (id: string) => (victims.includes(id) ? 1 : 0);
  const surplus = Math.max(0, ids.length - replicas);
  return ids
    .toReversed()
    .sort((a, b) => rank(b) - rank(a))
    .slice(0, surplus);
}
