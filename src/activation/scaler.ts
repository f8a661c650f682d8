import type { Cancel, Clock } from '../core/clock.ts';
import type { GateControl } from '../core/gate.ts';
import type { Decide, ScaleState } from '../core/scaling.ts';
import type { BackOff } from './back-off.ts';
import type { OnActivationEvent } from './events.ts';
import type { Fleet } from './fleet.ts';
import type { ActivationSettings } from './settings.ts';

/** What a scaler works with. */
export interface ScalerOptions {
  readonly decide: Decide;
  readonly gate: GateControl;
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly backOff: BackOff;
  settings(): ActivationSettings;
  /** True while nothing may be started or ended: paused, stopped, retiring, or fixed replicas. */
  isHeld(): boolean;
  /** Replicas were asked for. */
  onRaised(): void;
  /** All replicas are about to be ended. */
  onToZero(reason: string): void;
  onEvent: OnActivationEvent;
}

/** Asks `decide` when something changed or fell due, and makes the fleet follow. One timer. */
export class Scaler {
  readonly #options: ScalerOptions;
  #state: ScaleState = { desired: 0, surplusSinceMs: null, raisedAtMs: null };
  #reason = 'nobody asked yet';
  #isWanted = false;
  #isClosed = false;
  #cancel: Cancel | null = null;

  constructor(options: ScalerOptions) {
    this.#options = options;
  }

  /** Why the last decision was made. */
  get reason(): string {
    return this.#reason;
  }

  /** Somebody asks for the model. */
  want(): void {
    this.#isWanted = true;
    this.reconcile();
  }

  /** What was there is not any more: only what is left counts as desired, and nobody asks. */
  reset(): void {
    this.#isWanted = false;
    this.#state = { desired: this.#options.fleet.asked, surplusSinceMs: null, raisedAtMs: null };
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
    if (this.#isClosed || this.#options.isHeld()) return;
    const decision = this.#decide();
    let dueMs = decision.nextAtMs;
    if (decision.desired > fleet.asked) {
      const waitMs = backOff.remainingMs(clock.nowMs());
      if (waitMs === 0) this.#raise(decision.desired);
      else dueMs = Math.min(dueMs ?? Number.POSITIVE_INFINITY, clock.nowMs() + waitMs);
    } else if (decision.desired < fleet.asked) this.#lower(decision.desired);
    // A failing driver may have been told of within the raise, and have set a timer already.
    if (dueMs !== null && this.#cancel === null) this.#cancel = clock.setTimer(dueMs, () => this.reconcile());
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  #decide() {
    const { gate, fleet, clock, decide } = this.#options;
    const { scale, concurrency } = this.#options.settings();
    // Requests on a replica that is gone are about to fail: they need no other.
    const isEmpty = fleet.replicas.length === 0;
    const decision = decide(
      {
        waiting: gate.waiting,
        inFlight: isEmpty ? 0 : gate.inFlight,
        idleSinceMs: gate.idleSinceMs,
        ready: fleet.ready,
        starting: Math.max(0, fleet.asked - fleet.ready),
        isWanted: this.#isWanted,
      },
      { ...scale, concurrency },
      this.#state,
      clock.nowMs(),
    );
    this.#isWanted = false;
    this.#state = decision.state;
    this.#reason = decision.reason;
    return decision;
  }

  #raise(desired: number): void {
    const { fleet, onEvent } = this.#options;
    const reason = this.#reason;
    fleet.raise(desired, () => {
      onEvent({ type: 'scaled', replicas: desired, reason });
      this.#options.onRaised();
    });
  }

  #lower(desired: number): void {
    const { fleet, onEvent } = this.#options;
    onEvent({ type: 'scaled', replicas: desired, reason: this.#reason });
    if (desired === 0) this.#options.onToZero(this.#reason);
    fleet.lower(fleet.asked - desired);
  }
}
