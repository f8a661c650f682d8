import type { Clock } from '../core/clock.ts';
import type { Decide, Decision, Observed, ScaleSpec } from '../core/scaling.ts';
import { AdaptiveIdle } from './adaptive/adaptive-idle.ts';
import { explained, type Kept, planned } from './adaptive/idle-turn.ts';
import type { ReturnPool } from './adaptive/return-pool.ts';
import { decide } from './decide.ts';
import { Schedules } from './schedule.ts';

/** Looked at again within the hour: the clock on the wall may be set. */
const longestMs = 3_600_000;

/**
 * Decides for one model by what its settings come to at this moment: what changes with the hour, or is learned, is made
 * into plain numbers before `decide` is asked, which reads no calendar and learns nothing.
 */
export class Decider {
  readonly #clock: Clock;
  readonly #idle: AdaptiveIdle;
  #schedules: Schedules | null = null;
  #schedulesOf: ScaleSpec['schedules'] = [];
  #isLearning = false;
  #kept: Kept | null = null;

  /** `returns` is what is learned over all models. */
  constructor(clock: Clock, returns: ReturnPool) {
    this.#clock = clock;
    this.#idle = new AdaptiveIdle(returns);
  }

  readonly decide: Decide = (observed, spec, state, nowMs) => {
    const kept = this.#keepOf(observed, spec, nowMs);
    if (kept === null) return this.#scheduled([observed, spec, state, nowMs], (decision) => decision);
    const moment = { before: state, nowMs, toWallMs: this.#clock.wallMs() - nowMs };
    return this.#scheduled([observed, planned(spec, kept, nowMs), state, nowMs], (decision) =>
      explained(decision, spec, kept, moment),
    );
  };

  /** A request came after nothing had waited or run for `gapMs`; `arrived` had come before that. */
  returned(gapMs: number, arrived: number): void {
    this.#kept = null;
    if (this.#isLearning) this.#idle.returned(gapMs, { arrived, wallMs: this.#clock.wallMs() - gapMs });
  }

  /** `nowMs` at which the next request is expected, where that is learned and the model is idle; null: not known. */
  returnAtMs(): number | null {
    if (!this.#isLearning || this.#kept === null) return null;
    const nowMs = this.#clock.nowMs();
    return nowMs + this.#idle.expectedMs(nowMs - this.#kept.sinceMs);
  }

  #scheduled(facts: Parameters<Decide>, explain: (decision: Decision) => Decision): Decision {
    const [observed, spec, state, nowMs] = facts;
    const schedules = this.#compiled(spec.schedules);
    if (schedules === null) return explain(decide(...facts));
    const wallMs = this.#clock.wallMs();
    const { min, max, reason, changesAtMs } = schedules.at(wallMs, spec);
    const decision = explain(decide(observed, { ...spec, min, max }, state, nowMs));
    const changesInMs = Math.min(longestMs, (changesAtMs ?? Number.POSITIVE_INFINITY) - wallMs);
    return {
      ...decision,
      reason: reason === null ? decision.reason : `${decision.reason} (schedule ${reason})`,
      nextAtMs: Math.min(decision.nextAtMs ?? Number.POSITIVE_INFINITY, nowMs + changesInMs),
    };
  }

  #compiled(schedules: ScaleSpec['schedules']): Schedules | null {
    if (schedules !== this.#schedulesOf) {
      this.#schedulesOf = schedules;
      this.#schedules = schedules.length === 0 ? null : new Schedules(schedules);
    }
    return this.#schedules;
  }

  /** How long an idle model is kept, decided once when it is first looked at; null: not learned, or not idle. */
  #keepOf(observed: Observed, { coldStartMs, owner }: ScaleSpec, nowMs: number): Kept | null {
    const { idleSinceMs, demand, startMs } = observed;
    this.#isLearning = coldStartMs !== null;
    if (coldStartMs === null || idleSinceMs === null) return null;
    const known = this.#kept;
    if (known?.sinceMs === idleSinceMs && known.coldStartMs === coldStartMs) return known;
    const wallMs = this.#clock.wallMs() - (nowMs - idleSinceMs);
    // Where others own the count, whoever is started ahead could not be ended.
    const costs = { coldStartMs, startMs: owner === 'external' ? null : startMs };
    const plan = this.#idle.plan({ arrived: demand.arrived, wallMs }, costs);
    this.#kept = { ...plan, sinceMs: idleSinceMs, coldStartMs };
    return this.#kept;
  }
}
