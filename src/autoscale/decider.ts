import type { Clock } from '../core/clock.ts';
import type { Decide, Decision, ScaleSpec } from '../core/scaling.ts';
import { decide } from './decide.ts';
import { Schedules } from './schedule.ts';

/**
 * Decides for one model by what its settings come to at this moment: what changes with the hour is made into plain limits
 * before `decide` is asked, which reads no calendar.
 */
export class Decider {
  readonly #clock: Clock;
  #schedules: Schedules | null = null;
  #schedulesOf: ScaleSpec['schedules'] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly decide: Decide = (observed, spec, state, nowMs) => {
    const schedules = this.#compiled(spec.schedules);
    if (schedules === null) return decide(observed, spec, state, nowMs);
    const wallMs = this.#clock.wallMs();
    const { min, max, reason, changesAtMs } = schedules.at(wallMs, spec);
    const decision = decide(observed, { ...spec, min, max }, state, nowMs);
    return {
      ...decision,
      reason: reason === null ? decision.reason : `${decision.reason} (schedule ${reason})`,
      nextAtMs: earliest(
        decision,
        nowMs + Math.min(longestMs, (changesAtMs ?? Number.POSITIVE_INFINITY) - wallMs),
      ),
    };
  };

  #compiled(schedules: ScaleSpec['schedules']): Schedules | null {
    if (schedules !== this.#schedulesOf) {
      this.#schedulesOf = schedules;
      this.#schedules = schedules.length === 0 ? null : new Schedules(schedules);
    }
    return this.#schedules;
  }
}

/** Looked at again within the hour: the clock on the wall may be set. */
const longestMs = 3_600_000;

function earliest({ nextAtMs }: Decision, atMs: number): number {
  return Math.min(nextAtMs ?? Number.POSITIVE_INFINITY, atMs);
}
