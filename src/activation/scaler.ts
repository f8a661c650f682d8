import type { Cancel } from '../core/clock.ts';
import type { Seat } from '../core/room.ts';
import type { Decide, ScaleState, ThrashRecord } from '../core/scaling.ts';
import type { SignalWish } from '../core/signals.ts';
import type { BackOff } from './back-off.ts';
import type { OnActivationEvent } from './events.ts';
import { SignalFeed, type SignalFeedOptions } from './signal-feed.ts';
import type { Slumber } from './slumber.ts';

/** What a scaler works with. */
export interface ScalerOptions extends SignalFeedOptions {
  readonly decide: Decide;
  readonly backOff: BackOff;
  /** Its claim on the room that all models share; null, or absent: there is room for as many as are wanted. */
  seat?(): Seat | null;
  readonly slumber: Slumber;
  /** How long starts take, by the median of past ones; null: none is known. */
  startMs(): number | null;
  /** True while nothing may be started or ended: paused, stopped, retiring, or fixed replicas. */
  isHeld(): boolean;
  /** Whether a count may be lowered now; when that changes, it is reconciled. */
  mayLower(): boolean;
  /** Replicas were asked for. */
  onRaised(): void;
  /** All replicas are about to be ended. */
  onToZero(reason: string): void;
  onEvent: OnActivationEvent;
}

const shortestVetoMs = 5_000;
const longestVetoMs = 60_000;
/** After one that could not be followed. */
const retryMs = 1_000;

/** Asks `decide` when something changed or fell due, and makes the fleet follow. One timer. */
export class Scaler {
  readonly #options: ScalerOptions;
  readonly #signals: SignalFeed;
  #state: ScaleState = { desired: 0, raisedAtMs: null, byOthers: 0 };
  #reason = 'nobody asked yet';
  #isWanted = false;
  #askedByOthers: number | undefined;
  #veto: string | null = null;
  #vetoUntilMs = 0;
  #isClosed = false;
  #cancel: Cancel | null = null;

  constructor(options: ScalerOptions) {
    this.#options = options;
    this.#signals = new SignalFeed(options, () => this.reconcile());
  }

  /** What the signals asked for at the last decision. */
  get wishes(): readonly SignalWish[] {
    return this.#state.signals?.wishes ?? [];
  }

  /** Why the last decision was made. */
  get reason(): string {
    return this.#reason;
  }

  /** Starts soon after a stop; undefined: there was none. */
  get thrash(): ThrashRecord | undefined {
    return this.#state.thrash;
  }

  /** Somebody asks for the model. */
  want(): void {
    this.#isWanted = true;
    this.reconcile();
  }

  /** What was there is not any more: only what is left counts as desired, and nobody asks. */
  reset(): void {
    this.#isWanted = false;
    const desired = this.#options.fleet.asked;
    if (this.#askedByOthers !== undefined) this.#askedByOthers = desired;
    const byOthers = Math.min(desired, this.#state.byOthers);
    this.#state = { ...this.#state, desired, raisedAtMs: null, byOthers };
  }

  /** Somebody else changed the count. */
  follow(count: number): void {
    this.#askedByOthers = count;
  }

  /** A replica that was to end runs requests for others: all stay, for a tenth of the idle time, 5 s to 60 s. */
  veto(running: number): void {
    const { clock, fleet, settings } = this.#options;
    const pauseMs = Math.min(longestVetoMs, Math.max(shortestVetoMs, settings().scale.idleMs / 10));
    this.#vetoUntilMs = clock.nowMs() + pauseMs;
    this.#state = { ...this.#state, desired: Math.max(fleet.asked, this.#state.desired), raisedAtMs: null };
    this.#veto = `kept: ${running} running past the gateway`;
    this.reconcile();
  }

  /** Replicas that were found without having been asked for are not surplus at once. */
  adopt(): void {
    const { asked } = this.#options.fleet;
    if (asked > this.#state.desired) this.#state = { ...this.#state, desired: asked };
  }

  reconcile(): void {
    this.#cancel?.();
    this.#cancel = null;
    const { fleet, backOff, clock } = this.#options;
    this.#signals.update();
    if (this.#isClosed) return;
    if (this.#options.isHeld()) {
      this.#ask(fleet.asked, false);
      return;
    }
    if (this.#isVetoed()) {
      this.#reason = this.#veto ?? this.#reason;
      this.#cancel = clock.setTimer(this.#vetoUntilMs, () => this.reconcile());
      return;
    }
    const before = this.#state;
    const isUrgent = this.#isWanted || this.#options.gate.waiting > 0;
    const decision = this.#decide();
    let dueMs = decision.nextAtMs;
    const alsoAt = (atMs: number) => {
      dueMs = Math.min(dueMs ?? Number.POSITIVE_INFINITY, atMs);
    };
    const waitMs = decision.desired > fleet.asked ? backOff.remainingMs(clock.nowMs()) : 0;
    const granted = this.#ask(waitMs > 0 ? fleet.asked : Math.max(fleet.asked, decision.desired), isUrgent);
    if (waitMs > 0) alsoAt(clock.nowMs() + waitMs);
    else if (granted > fleet.asked) this.#raise(granted);
    else if (decision.desired < fleet.asked) {
      const againAtMs = this.#lower(decision.desired);
      if (againAtMs !== null) {
        // Nothing was lowered: what there is, is what the next decision begins with.
        this.#state = { ...before, desired: Math.max(fleet.asked, before.desired) };
        dueMs = null;
        if (Number.isFinite(againAtMs)) alsoAt(againAtMs);
      }
    }
    const sleepAgainAtMs = this.#options.slumber.follow(decision.sleep);
    if (sleepAgainAtMs !== null) alsoAt(sleepAgainAtMs);
    // A failing driver may have been told of within the raise, and have set a timer already.
    if (dueMs !== null && this.#cancel === null) this.#cancel = clock.setTimer(dueMs, () => this.reconcile());
  }

  /** Whether nothing may be made to go: others own the count, or use it, or it is not known. */
  get isKept(): boolean {
    const { clock, settings, mayLower } = this.#options;
    return settings().scale.owner === 'external' || !mayLower() || clock.nowMs() < this.#vetoUntilMs;
  }

  /** These are to go for another model's sake, each after its last request; who waits goes on waiting. */
  evict(replicaIds: readonly string[], reason: string): void {
    const { fleet, onEvent } = this.#options;
    const going = fleet.list.living.filter(({ id }) => replicaIds.includes(id));
    const desired = Math.max(0, fleet.asked - going.length);
    if (going.length === 0 || this.isKept || (desired > 0 && !fleet.count.canLower)) return;
    this.#reason = reason;
    onEvent({ type: 'evicted', replicas: going.length, reason });
    if (desired === 0) this.#options.onToZero(reason);
    fleet.count.end(going.filter(({ state }) => state === 'starting'));
    fleet.count.lower(desired, replicaIds);
    this.reset();
    this.reconcile();
  }

  close(): void {
    this.#isClosed = true;
    this.#signals.close();
    this.#cancel?.();
    this.#cancel = null;
  }

  /** Kept for others, and nothing is to be decided for clients of this gateway. */
  #isVetoed(): boolean {
    const { clock, gate } = this.#options;
    const isQuiet = gate.idleSinceMs !== null && !this.#isWanted && this.#askedByOthers === undefined;
    return isQuiet && clock.nowMs() < this.#vetoUntilMs;
  }

  #decide() {
    const { gate, fleet, clock, decide, onEvent } = this.#options;
    const { scale, concurrency, ready } = this.#options.settings();
    // Requests on a replica that is gone are about to fail: they need no other.
    const isEmpty = fleet.list.size === 0;
    const decision = decide(
      {
        waiting: gate.waiting,
        inFlight: isEmpty ? 0 : gate.inFlight,
        idleSinceMs: gate.idleSinceMs,
        ready: fleet.list.ready,
        starting: fleet.starting,
        asleep: fleet.list.asleep.length,
        isWanted: this.#isWanted,
        demand: gate.demand,
        startMs: this.#options.startMs(),
        ...this.#signals.observed(),
        ...(this.#askedByOthers === undefined ? {} : { askedByOthers: this.#askedByOthers }),
      },
      { ...scale, concurrency, startupMs: ready.startupMs, ...this.#options.slumber.facts },
      this.#state,
      clock.nowMs(),
    );
    this.#isWanted = false;
    this.#askedByOthers = undefined;
    this.#state = decision.state;
    this.#reason = decision.reason;
    if (decision.startedAgainAfterMs !== undefined)
      onEvent({ type: 'thrash', afterMs: decision.startedAgainAfterMs, count: this.thrash?.count ?? 1 });
    return decision;
  }

  /** How many of the desired ones there is room for. */
  #ask(desired: number, isUrgent: boolean): number {
    const seat = this.#options.seat?.() ?? null;
    if (seat === null) return desired;
    const { replicas, reason } = seat.ask(desired, isUrgent);
    if (reason !== null) this.#reason = `${this.#reason}; ${reason}`;
    return replicas;
  }

  #raise(desired: number): void {
    const { fleet, onEvent } = this.#options;
    const reason = this.#reason;
    fleet.count.raise(desired, () => {
      onEvent({ type: 'scaled', replicas: desired, reason });
      this.#options.onRaised();
    });
  }

  /** Returns null, or when to ask again where it may not be lowered now; Infinity: when something changes. */
  #lower(desired: number): number | null {
    const { fleet, clock, onEvent } = this.#options;
    if (!this.#options.mayLower()) return Number.POSITIVE_INFINITY;
    if (clock.nowMs() < this.#vetoUntilMs) {
      this.#reason = this.#veto ?? this.#reason;
      return this.#vetoUntilMs;
    }
    if (!fleet.count.canLower) return clock.nowMs() + retryMs;
    onEvent({ type: 'scaled', replicas: desired, reason: this.#reason });
    if (desired === 0) this.#options.onToZero(this.#reason);
    fleet.count.lower(desired);
    return null;
  }
}
