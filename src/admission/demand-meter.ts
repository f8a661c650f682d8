import type { Clock } from '../core/clock.ts';
import type { DemandTotals } from '../core/scaling.ts';
import type { GateOptions } from './gate-options.ts';

/** Sums of a gate's demand over time, kept by one reading of the clock for each change of who waits or runs. */
export class DemandMeter {
  readonly #clock: Clock;
  readonly #onReturn: GateOptions['onReturn'];
  readonly #onRest: GateOptions['onRest'];
  /** The last change. */
  #atMs: number;
  /** At the gate, and elsewhere. */
  #waiting = 0;
  #inFlight = 0;
  #backlog = 0;
  /** Had come when nothing was there any more. */
  #arrivedBefore = 0;
  #arrived = 0;
  #returned = 0;
  #waitingMs = 0;
  #inFlightMs = 0;

  constructor({ clock, onReturn, onRest }: Pick<GateOptions, 'clock' | 'onReturn' | 'onRest'>) {
    this.#clock = clock;
    this.#onReturn = onReturn;
    this.#onRest = onRest;
    this.#atMs = clock.nowMs();
  }

  /** One more is there; `isBack`: it was there before. `changed` follows. */
  came(isBack: boolean): void {
    if (isBack) this.#returned++;
    else this.#arrived++;
  }

  /** From now on so many wait and so many hold a slot. */
  changed(atGate: number, inFlight: number): void {
    const waiting = atGate + this.#backlog;
    if (waiting === this.#waiting && inFlight === this.#inFlight) return;
    const nowMs = this.#clock.nowMs();
    const lastedMs = nowMs - this.#atMs;
    if (this.#waiting + this.#inFlight === 0) this.#onReturn?.(lastedMs, this.#arrivedBefore);
    this.#waitingMs += this.#waiting * lastedMs;
    this.#inFlightMs += this.#inFlight * lastedMs;
    this.#waiting = waiting;
    this.#inFlight = inFlight;
    this.#atMs = nowMs;
    if (waiting + inFlight > 0) return;
    this.#arrivedBefore = this.#arrived;
    this.#onRest?.();
  }

  /** So many jobs are queued elsewhere: they wait as others do. */
  set backlog(jobs: number) {
    const atGate = this.#waiting - this.#backlog;
    this.#backlog = jobs;
    this.changed(atGate, this.#inFlight);
  }

  /** `nowMs` since which nothing waits and no slot is held; null while one does. */
  get idleSinceMs(): number | null {
    return this.#waiting + this.#inFlight === 0 ? this.#atMs : null;
  }

  /** The sums up to now. */
  get totals(): DemandTotals {
    const lastedMs = this.#clock.nowMs() - this.#atMs;
    return {
      arrived: this.#arrived,
      ended: this.#arrived + this.#returned - (this.#waiting - this.#backlog) - this.#inFlight,
      waitingMs: this.#waitingMs + this.#waiting * lastedMs,
      inFlightMs: this.#inFlightMs + this.#inFlight * lastedMs,
    };
  }
}
