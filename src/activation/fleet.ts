import type { Cancel } from '../core/clock.ts';
import type { Driver, ReplicaStatus, Target, TargetStatus } from '../core/driver.ts';
import { Replica } from './replica.ts';
import type { ReplicaHost } from './replica-host.ts';
import { Start } from './start.ts';

/** What the fleet tells its activator. */
export interface FleetListener {
  /** It was in the list and is not any more, or exited; `isExpected`: it was told to end. */
  onExit(replica: Replica, isExpected: boolean): void;
  /** A start of this replica was seen to begin. */
  onBegin(start: Start): void;
  /** The target as a whole cannot start. */
  onTargetFailure(reason: string): void;
  /** The driver refused to scale. */
  onScaleFailed(error: unknown): void;
  /** After every change of the list. */
  onChange(): void;
}

export interface FleetOptions {
  readonly target: Target;
  readonly driver: Driver;
  readonly host: ReplicaHost;
  readonly listener: FleetListener;
  readonly signal: AbortSignal;
}

/** Between two looks at whether a draining replica's last request has ended. */
const drainCheckMs = 50;
const retryMs = 1_000;

/** The replicas of one target, and the count that the driver is asked for. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #replicas = new Map<string, Replica>();
  /** Exited replicas stay in the driver's list for one report; they must not come back to life here. */
  readonly #exited = new Set<string>();
  #asked = 0;
  #askedAtMs: number | null = null;
  #cancelDrainCheck: Cancel | null = null;
  #cancelRetry: Cancel | null = null;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Replicas that should be there: those asked for and those found; draining and ending ones are not counted. */
  get asked(): number {
    return this.#asked;
  }

  /** `nowMs` of the last raise. */
  get askedAtMs(): number | null {
    return this.#askedAtMs;
  }

  get replicas(): readonly Replica[] {
    return [...this.#replicas.values()];
  }

  /** How many take requests. */
  get ready(): number {
    return this.#in('ready').length;
  }

  /** How many are there and were not told to end. */
  get living(): number {
    return this.replicas.filter(({ state }) => state !== 'ending' && state !== 'draining').length;
  }

  /** Whether nothing is there and nothing is asked for. */
  get isGone(): boolean {
    return this.#asked === 0 && this.#replicas.size === 0;
  }

  /** Whether all that is there was told to end. */
  get isEnding(): boolean {
    return this.replicas.every(({ state }) => state === 'ending');
  }

  /** What the last probe of one of them saw. */
  get detail(): string | null {
    return this.replicas.find((replica) => replica.detail !== null)?.detail ?? null;
  }

  get(id: string): Replica | undefined {
    return this.#replicas.get(id);
  }

  update(status: TargetStatus): void {
    const listed = new Set(status.replicas.map((replica) => replica.id));
    for (const id of this.#exited) if (!listed.has(id)) this.#exited.delete(id);
    for (const replica of status.replicas) this.#updateOne(replica);
    for (const replica of this.replicas) if (!listed.has(replica.id)) this.#exit(replica);
    this.#asked = Math.max(this.#asked, this.living);
    if (status.failure !== undefined && this.#asked > this.living)
      this.#options.listener.onTargetFailure(status.failure);
    this.#options.listener.onChange();
  }

  /**
   * Asks for `count` replicas; draining ones are taken back first. When more are asked for than before, `onRaise` is
   * called, before the driver, which may tell of a failure at once.
   */
  raise(count: number, onRaise: () => void): void {
    if (count <= this.#asked) return;
    const back = this.#in('draining').slice(0, count - this.#asked);
    const isEnough = this.#asked + back.length === count;
    this.#asked = count;
    if (!isEnough) this.#askedAtMs = this.#options.host.clock.nowMs();
    onRaise();
    for (const replica of back) replica.undrain();
    if (!isEnough) this.#scale();
  }

  /** Drains `count` replicas, the least loaded first, and ends each when its last request has ended. */
  lower(count: number): void {
    const { gate } = this.#options.host;
    const victims = this.replicas
      .filter((replica) => replica.state === 'ready' || replica.state === 'suspect')
      .sort((a, b) => gate.inFlightOf(a.id) - gate.inFlightOf(b.id))
      .slice(0, count);
    for (const victim of victims) victim.drain();
    this.#asked -= victims.length;
    this.#endDrained();
  }

  /** Drains all, those that start included; what was asked for and is not there yet is not asked for any more. */
  drainAll(): void {
    for (const replica of this.replicas) if (replica.state !== 'ending') replica.drain();
    const hadPending = this.#asked > 0;
    this.#asked = 0;
    this.#endDrained();
    if (hadPending && this.#in('draining').length === 0) this.#scale();
  }

  /** Ends these now, whatever runs on them. */
  end(replicas: readonly Replica[]): void {
    for (const replica of replicas) {
      if (replica.state === 'ending') continue;
      if (replica.state !== 'draining') this.#asked = Math.max(0, this.#asked - 1);
      replica.end();
    }
    this.#scale();
  }

  /** Takes back what was asked for and did not come. */
  forgetPending(): void {
    this.#asked = this.living;
    this.#scale();
  }

  /** No timer and no probe is left. */
  close(): void {
    this.#cancelDrainCheck?.();
    this.#cancelRetry?.();
    for (const replica of this.replicas) replica.close();
    this.#replicas.clear();
  }

  #in(state: Replica['state']): Replica[] {
    return this.replicas.filter((replica) => replica.state === state);
  }

  #updateOne(status: ReplicaStatus): void {
    const { host, listener } = this.#options;
    let replica = this.#replicas.get(status.id);
    if (!replica) {
      if (status.phase === 'exited' && this.#exited.has(status.id)) return;
      const nowMs = host.clock.nowMs();
      const beganAtMs = host.isFixed ? nowMs : (this.#askedAtMs ?? nowMs);
      const start = new Start(status.id, beganAtMs, host.clock.wallMs() - (nowMs - beganAtMs));
      replica = new Replica(host, status, start);
      this.#replicas.set(status.id, replica);
      listener.onBegin(start);
    }
    const wasOurs = replica.state === 'ending' || replica.state === 'draining';
    replica.update(status);
    if (!wasOurs && replica.state === 'ending') this.#asked = Math.max(0, this.#asked - 1);
    if (status.phase !== 'exited') return;
    this.#exited.add(status.id);
    this.#exit(replica);
  }

  #exit(replica: Replica): void {
    const isExpected = replica.state === 'ending' || replica.state === 'draining';
    this.#replicas.delete(replica.id);
    if (isExpected) replica.end();
    else this.#asked = Math.max(0, this.#asked - 1);
    replica.close();
    this.#options.listener.onExit(replica, isExpected);
  }

  #endDrained(): void {
    this.#cancelDrainCheck?.();
    this.#cancelDrainCheck = null;
    const { gate, clock } = this.#options.host;
    const draining = this.#in('draining');
    const done = draining.filter((replica) => gate.inFlightOf(replica.id) === 0);
    if (done.length > 0) this.end(done);
    if (done.length < draining.length)
      this.#cancelDrainCheck = clock.setTimer(clock.nowMs() + drainCheckMs, () => this.#endDrained());
  }

  #scale(): void {
    const { driver, target, host, listener, signal } = this.#options;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    if (host.isFixed || signal.aborted) return;
    const victims = this.#in('ending').map((replica) => replica.id);
    const replicas = this.#asked + this.#in('draining').length;
    driver.scale(target, { replicas, victims }, signal).catch((error: unknown) => {
      if (signal.aborted) return;
      listener.onScaleFailed(error);
      this.#cancelRetry?.();
      if (this.#in('ending').length > 0)
        this.#cancelRetry = host.clock.setTimer(host.clock.nowMs() + retryMs, () => this.#scale());
    });
  }
}
