import { formatDuration } from '../config/units.ts';
import type { Clock } from '../core/clock.ts';
import type { Decide, Decision, Observed, ScaleSpec, ScaleState } from '../core/scaling.ts';
import { AdaptiveIdle } from './adaptive/adaptive-idle.ts';
import type { KeepPlan } from './adaptive/keep-plan.ts';
import type { ReturnPool } from './adaptive/return-pool.ts';
import { decide } from './decide.ts';
import { Schedules } from './schedule.ts';

/** The plan for one idle time. */
interface Kept extends KeepPlan {
  readonly sinceMs: number;
  readonly coldStartMs: number;
}

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
    const told = kept === null ? spec : { ...spec, toZeroMs: kept.keepMs };
    return this.#scheduled(observed, told, state, nowMs, kept);
  };

  /** A request came after nothing had waited or run for `gapMs`; `arrived` had come before that. */
  returned(gapMs: number, arrived: number): void {
    this.#kept = null;
    if (this.#isLearning) this.#idle.returned(gapMs, { arrived, wallMs: this.#clock.wallMs() - gapMs });
  }

  #scheduled(...[observed, spec, state, nowMs, kept]: [...Parameters<Decide>, Kept | null]): Decision {
    const schedules = this.#compiled(spec.schedules);
    const wallMs = this.#clock.wallMs();
    const explained = (decision: Decision) =>
      kept === null ? decision : withPlan(decision, kept, { before: state, toWallMs: wallMs - nowMs });
    if (schedules === null) return explained(decide(observed, spec, state, nowMs));
    const { min, max, reason, changesAtMs } = schedules.at(wallMs, spec);
    const decision = explained(decide(observed, { ...spec, min, max }, state, nowMs));
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
  #keepOf({ idleSinceMs, demand }: Observed, { coldStartMs }: ScaleSpec, nowMs: number): Kept | null {
    this.#isLearning = coldStartMs !== null;
    if (coldStartMs === null || idleSinceMs === null) return null;
    const known = this.#kept;
    if (known?.sinceMs === idleSinceMs && known.coldStartMs === coldStartMs) return known;
    const wallMs = this.#clock.wallMs() - (nowMs - idleSinceMs);
    const plan = this.#idle.plan({ arrived: demand.arrived, wallMs }, coldStartMs);
    this.#kept = { ...plan, sinceMs: idleSinceMs, coldStartMs };
    return this.#kept;
  }
}

/** With the plan as its reason, where it is the plan that keeps the model or lets it go. */
function withPlan(
  decision: Decision,
  { keepMs, returnShare, sinceMs }: Kept,
  { before, toWallMs }: { readonly before: ScaleState; readonly toWallMs: number },
): Decision {
  if (decision.desired === 0) {
    const isLetGo = before.desired > 0 && keepMs === 0;
    return isLetGo
      ? { ...decision, reason: 'idle: no time of waiting for the next request is worth a cold start' }
      : decision;
  }
  const endMs = Math.max(sinceMs, decision.state.raisedAtMs ?? sinceMs) + keepMs;
  if (keepMs === 0 || decision.nextAtMs !== endMs) return decision;
  const until = new Date(endMs + toWallMs).toISOString().slice(11, 16);
  const percent = Math.round(returnShare * 100);
  const reason = `kept until ${until} UTC: ${percent} % of returns at this hour come within ${formatDuration(keepMs)}`;
  return { ...decision, reason };
}
