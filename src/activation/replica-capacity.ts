import type { ReplicaReport } from '../core/gate.ts';
import { canaryLimit, rampAt, SlowStart } from './ramp.ts';
import type { ReplicaHost } from './replica-host.ts';
import { ResetRecord } from './reset-record.ts';

/** What one replica may take in the gate: less while it warms up, one request where it is tried again. */
export class ReplicaCapacity {
  readonly #id: string;
  readonly #host: ReplicaHost;
  readonly #slowStart: SlowStart;
  readonly #record = new ResetRecord();
  #isInGate = false;
  #isCanary = false;
  #sinceMs = 0;

  constructor(id: string, host: ReplicaHost) {
    this.#id = id;
    this.#host = host;
    this.#slowStart = new SlowStart(host.clock);
  }

  /** Whether the gate knows it: it took requests before. */
  get isInGate(): boolean {
    return this.#isInGate;
  }

  /** It takes requests; `sinceMs` (`nowMs`) is when it first did, and its slow start began. */
  open(origin: string, sinceMs: number): void {
    const { gate } = this.#host;
    const { concurrency, scale } = this.#host.settings();
    this.#sinceMs = sinceMs;
    this.#record.readmitted();
    if (this.#isInGate) {
      this.applyLimit();
      if (this.#isCanary) gate.setLimit(this.#id, canaryLimit(gate.inFlightOf(this.#id), concurrency));
      gate.reinstate(this.#id);
    } else {
      this.#isInGate = true;
      gate.addReplica(this.#id, origin, rampAt(concurrency, scale.rampMs, 0).limit);
      this.#ramp();
    }
  }

  /** Applies the limit of the settings, if it takes requests; one that is tried again keeps its own. */
  applyLimit(): void {
    if (!this.#isCanary) this.#ramp();
  }

  /** Whether one that takes requests is to be taken out for this. */
  isOut(report: ReplicaReport): boolean {
    if (report === 'answered') this.#answered();
    return report !== 'answered' && (report !== 'reset' || this.#record.reset(this.#isCanary));
  }

  /** Takes it out for this; returns how long it is not probed, in milliseconds. */
  suspend(report: ReplicaReport): number {
    this.#isCanary = report === 'stalled' || report === 'reset';
    this.hold();
    return report === 'reset' && this.#host.hasOthers() ? this.#record.penaltyMs : 0;
  }

  /** It takes no new request until it is opened again. */
  hold(): void {
    this.rest();
    this.#host.gate.suspend(this.#id);
  }

  /** Its limit is left as it is. */
  rest(): void {
    this.#slowStart.cancel();
  }

  /** It is gone. */
  leave(): void {
    if (this.#isInGate) this.#host.gate.removeReplica(this.#id);
    this.#isInGate = false;
  }

  #answered(): void {
    this.#record.answered();
    if (!this.#isCanary) return;
    this.#isCanary = false;
    this.#host.gate.setLimit(this.#id, this.#host.settings().concurrency);
  }

  #ramp(): void {
    const { concurrency: full, scale } = this.#host.settings();
    const ramp = { full, rampMs: scale.rampMs, beganMs: this.#sinceMs };
    this.#slowStart.run(ramp, (limit) => this.#host.gate.setLimit(this.#id, limit));
  }
}
