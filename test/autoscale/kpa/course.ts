import { initialScaleState } from '../../../src/autoscale/decide.ts';
import { decideKpa, type KpaDecision } from '../../../src/autoscale/kpa/decide-kpa.ts';
import type { KpaSpec } from '../../../src/autoscale/kpa/kpa-spec.ts';
import type { DemandTotals, Observed, ScaleState } from '../../../src/core/scaling.ts';

/** What holds for a while. */
export interface Stretch {
  /** Requests at once. */
  readonly load: number;
  /** Requests that arrive in a second. */
  readonly rps?: number;
  readonly ready: number;
  readonly starting?: number;
}

/** A model whose load is steady between two moments, and which is decided for each second and when the decision says. */
export class Course {
  nowMs = 0;
  last: KpaDecision | null = null;
  /** How often it was decided. */
  count = 0;
  #state: ScaleState;
  #totals: DemandTotals = { arrived: 0, ended: 0, waitingMs: 0, inFlightMs: 0 };
  spec: KpaSpec;

  constructor(spec: KpaSpec, desired = 0) {
    this.spec = spec;
    this.#state = { ...initialScaleState, desired };
  }

  /** Decides at this moment; the demand of the moment counts, but no time passes. */
  decide(stretch: Stretch, more: Partial<Observed> = {}): KpaDecision {
    const { load, ready, starting = 0 } = stretch;
    const observed = {
      waiting: 0,
      inFlight: load,
      idleSinceMs: load > 0 ? null : this.nowMs,
      ready,
      starting,
      isWanted: false,
      startMs: null,
      demand: this.#totals,
      ...more,
    };
    const decision = decideKpa(observed, this.spec, this.#state, this.nowMs);
    this.#state = decision.state;
    this.last = decision;
    this.count++;
    return decision;
  }

  /** Lets time pass to `untilMs`, deciding whenever the last decision said so. */
  run(untilMs: number, stretch: Stretch): KpaDecision {
    let decision = this.last ?? this.decide(stretch);
    while (this.nowMs < untilMs) {
      const nextMs = Math.min(untilMs, decision.nextAtMs ?? untilMs);
      this.#pass(nextMs - this.nowMs, stretch);
      this.nowMs = nextMs;
      decision = this.decide(stretch);
    }
    return decision;
  }

  /** The caller made the count another one. */
  become(desired: number): void {
    this.#state = { ...this.#state, desired };
  }

  #pass(ms: number, { load, rps = 0 }: Stretch): void {
    const { arrived, ended, waitingMs, inFlightMs } = this.#totals;
    this.#totals = {
      arrived: arrived + (rps * ms) / 1_000,
      ended,
      waitingMs,
      inFlightMs: inFlightMs + load * ms,
    };
  }
}
