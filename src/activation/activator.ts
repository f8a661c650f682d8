import type { PilotlightError } from '../core/errors.ts';
import type { ReplicaReport, WakeInfo } from '../core/gate.ts';
import type { Seat } from '../core/room.ts';
import type { SignalWish } from '../core/signals.ts';
import { Lifecycle } from './lifecycle.ts';
import type { LifecycleOptions } from './lifecycle-options.ts';
import {
  coldRefusal,
  drainingRefusal,
  pausedRefusal,
  standbyRefusal,
  startFailed,
  stoppedRefusal,
  wouldNotMakeIt,
} from './refusals.ts';
import { type RetireOptions, retireAll } from './retirement.ts';
import type { ActivationSettings } from './settings.ts';
import { type ActivatorSnapshot, type ReplicaSnapshot, snapshotOf } from './snapshot.ts';
import { joinRoom, progressIn } from './tenancy.ts';
import type { LearnedTimes } from './wake-history.ts';
import { watchTarget } from './watch-target.ts';

/** What an activator works with. */
export interface ActivatorOptions extends Omit<LifecycleOptions, 'settings' | 'isHeld' | 'seat' | 'signal'> {
  readonly settings: ActivationSettings;
}

/**
 * Brings one revision's replicas up on demand, tells the gate of their capacity, and takes them to zero when idle.
 * Its states are in states.ts, those of a replica in replica.ts. The gate calls it synchronously; whatever takes
 * time goes on here, and the gate is told. Capacity is never added to the gate within a call that the gate made.
 */
export class Activator {
  readonly #options: ActivatorOptions;
  readonly #lifecycle: Lifecycle;
  readonly #life = new AbortController();
  readonly #seat: Seat | null;
  #settings: ActivationSettings;
  #isStopped = false;
  #isPaused = false;
  #isRetiring = false;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: ActivatorOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#lifecycle = new Lifecycle({
      ...options,
      settings: () => this.#settings,
      isHeld: () => this.#isStopped || this.#isPaused || this.#isRetiring,
      seat: () => this.#seat,
      signal: this.#life.signal,
    });
    const { room: access = null, driver, target, gate } = options;
    const isSeated = access !== null && !driver.isFixed;
    const min = () => this.#settings.scale.min;
    this.#seat = isSeated ? joinRoom({ ...target, access, gate, min, lifecycle: this.#lifecycle }) : null;
  }

  /** Begins to watch the driver and brings min replicas up. */
  start(): void {
    const { driver, target, clock } = this.#options;
    this.#watching = watchTarget({
      driver,
      target,
      clock,
      onStatus: (status) => this.#lifecycle.fleet.update(status),
      onError: (error) => this.#lifecycle.driverFailed(error),
      signal: this.#life.signal,
    });
    this.#lifecycle.scaler.reconcile();
  }

  /**
   * The gate has nobody who takes requests and somebody came: wakes (single-flight, never awaited). `deadlineMs` is
   * the newcomer's, in `nowMs`, Infinity for none. Returns the refusal, or null: wait.
   */
  whenCold(deadlineMs: number): PilotlightError | null {
    const model = this.#options.target.model;
    const { standing } = this.#lifecycle;
    if (!standing.isLeader) return standbyRefusal(model, standing.leadership);
    if (this.#isPaused) return pausedRefusal(model);
    if (this.#isRetiring || this.#life.signal.aborted) return drainingRefusal(model);
    const refusal = this.#backOffRefusal();
    if (refusal) return refusal;
    this.#wake();
    const failed = this.#backOffRefusal();
    if (failed) return failed;
    // What is left to learn of the start refuses nobody who waits without a deadline.
    if (this.#settings.cold === 'hold' && deadlineMs === Number.POSITIVE_INFINITY) return null;
    const { etaMs, earliestMs } = progressIn(this.#lifecycle, this.#seat);
    if (this.#settings.cold === 'reject') return coldRefusal(model, etaMs);
    const remainingMs = deadlineMs - this.#options.clock.nowMs();
    if (!this.#settings.deadlineAware || earliestMs === null || remainingMs >= earliestMs) return null;
    return wouldNotMakeIt(model, remainingMs, { earliestMs, etaMs: etaMs ?? earliestMs });
  }

  /** Somebody queued although replicas are ready: more may be needed. */
  demand(): void {
    this.#isStopped = false;
    this.#lifecycle.scaler.reconcile();
  }

  /** Nothing waits or runs any more: others may have its room. */
  rested(): void {
    this.#seat?.changed();
  }

  /** What forwarding learned about a replica. */
  report(replicaId: string, report: ReplicaReport): void {
    this.#lifecycle.fleet.list.get(replicaId)?.report(report);
  }

  /** Whether what is sent to this replica's origin may come to another of them. */
  isShared(replicaId: string): boolean {
    return this.#lifecycle.fleet.list.get(replicaId)?.status.isShared === true;
  }

  /** A request to this replica got the first byte of its answer: the last step of the start. Cheap when told before. */
  firstByte(replicaId: string): void {
    this.#lifecycle.fleet.list.get(replicaId)?.firstByte();
  }

  /** How long past starts and wakes took, at most 32 of each, in plain JSON: to be kept across restarts. */
  learned(): LearnedTimes {
    const { history, slumber } = this.#lifecycle;
    return { starts: history.samples, wakes: slumber.wakes.samples };
  }

  /** Takes what `learned` told an earlier gateway, or a list of starts; whatever makes no sense is left out. */
  seed(kept: unknown): void {
    const { starts = kept, wakes } = (kept ?? {}) as { readonly starts?: unknown; readonly wakes?: unknown };
    this.#lifecycle.history.seed(starts);
    this.#lifecycle.slumber.wakes.seed(wakes);
  }

  wakeInfo(): WakeInfo {
    const { step, detail, etaMs, sinceMs } = progressIn(this.#lifecycle, this.#seat);
    return { state: this.#isPaused ? 'paused' : this.#lifecycle.state, step, detail, etaMs, sinceMs };
  }

  /** Wakes it as a request would; within a back-off nothing happens. */
  warm(): void {
    if (!this.#isPaused && !this.#isRetiring) this.#wake();
  }

  /** To zero when what runs has ended; who waits is refused. The next request wakes it again. */
  stop(): void {
    this.#isStopped = true;
    this.#options.gate.failWaiters(stoppedRefusal(this.#options.target.model));
    this.#lifecycle.toZero('stopped by an operator');
  }

  /** Refuses everybody, and to zero when what runs has ended. */
  pause(): void {
    this.#isPaused = true;
    const refusal = pausedRefusal(this.#options.target.model);
    this.#options.gate.refuse(refusal);
    this.#options.gate.failWaiters(refusal);
    this.#lifecycle.toZero('paused');
  }

  /** Opens again after `pause`; min replicas come up. */
  resume(): void {
    this.#isPaused = false;
    this.#isStopped = false;
    this.#options.gate.refuse(null);
    this.#lifecycle.scaler.reconcile();
  }

  /** What each of its replicas is doing, without what it takes to show them. */
  get replicas(): readonly Pick<ReplicaSnapshot, 'id' | 'pid' | 'state'>[] {
    return this.#lifecycle.fleet.list.all.map(({ id, status, state }) => ({
      id,
      pid: status.pid ?? null,
      state,
    }));
  }

  /** What the signals asked for at the last decision. */
  get signals(): readonly SignalWish[] {
    return this.#lifecycle.scaler.wishes;
  }

  /** Whether the last start failed, and none has become ready since. */
  get hasFailed(): boolean {
    return this.#lifecycle.backOff.failure !== null;
  }

  snapshot(): ActivatorSnapshot {
    return snapshotOf(this.#lifecycle, this.wakeInfo(), this.#options);
  }

  /** Takes changed settings: limits at once, deadlines from the next start. */
  configure(settings: ActivationSettings): void {
    this.#settings = settings;
    for (const replica of this.#lifecycle.fleet.list.all) replica.applyLimit();
    this.#lifecycle.scaler.reconcile();
  }

  /**
   * Wakes no more, serves who waits, drains and ends all replicas; resolves when the driver reports none. When the
   * signal aborts, they are ended whatever runs on them; those that live on without the gateway are left alone then, as
   * they are from the beginning with `keepsReplicas`: only what runs there is waited for.
   */
  async retire(signal: AbortSignal, options: RetireOptions = { keepsReplicas: false }): Promise<void> {
    this.#isRetiring = true;
    await retireAll({
      ...this.#options,
      ...options,
      lifecycle: this.#lifecycle,
      signal,
      lifeSignal: this.#life.signal,
    });
  }

  /** Stops watching; no timer and no probe is left. Replicas and driver are left alone. */
  async close(): Promise<void> {
    this.#life.abort();
    this.#lifecycle.close();
    this.#seat?.leave();
    await this.#watching;
  }

  #backOffRefusal(): PilotlightError | null {
    const { backOff, fleet } = this.#lifecycle;
    const retryMs = backOff.remainingMs(this.#options.clock.nowMs());
    // Others that are there or on their way serve whoever waits.
    if (backOff.failure === null || retryMs === 0 || (fleet.viable > 0 && !this.#lifecycle.isFixed))
      return null;
    return startFailed(this.#options.target.model, backOff.failure, retryMs);
  }

  #wake(): void {
    this.#isStopped = false;
    this.#lifecycle.wake();
  }
}
