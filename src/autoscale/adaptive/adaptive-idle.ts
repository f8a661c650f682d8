import { ageBins } from './age-bins.ts';
import { Foresight, type IdlePlan } from './foresight.ts';
import { planKeep } from './keep-plan.ts';
import { RecentDemand } from './recent-demand.ts';
import { ReturnHabit } from './return-habit.ts';
import type { IdleStart, ReturnPool } from './return-pool.ts';

/** When a model fell idle. */
export interface IdleBegin {
  /** Requests that had come by then, in all. */
  readonly arrived: number;
  /** Milliseconds since the epoch. */
  readonly wallMs: number;
}

/** What idle times and starts are weighed by. */
export interface IdleCosts {
  /** The idle time that is as dear as one cold start, milliseconds. */
  readonly coldStartMs: number;
  /** How long a start takes, milliseconds; null: not known. */
  readonly startMs: number | null;
}

/** The idle time of one model, learned from when its requests return; the pool is shared by all models. */
export class AdaptiveIdle {
  readonly #pool: ReturnPool;
  readonly #recent = new RecentDemand();
  readonly #habit = new ReturnHabit();
  readonly #foresight = new Foresight();
  #arrived = 0;
  #start: IdleStart | null = null;

  constructor(pool: ReturnPool) {
    this.#pool = pool;
  }

  /** How long it is worth keeping, and when it is worth starting before anybody asks. */
  plan(begin: IdleBegin, { coldStartMs, startMs }: IdleCosts): IdlePlan {
    this.#start ??= this.#began(begin);
    const keep = planKeep({ pool: this.#pool, habit: this.#habit, start: this.#start, coldStartMs });
    return this.#foresight.plan(keep, { beganMs: begin.wallMs, startMs, coldStartMs });
  }

  /** The next request came after `gapMs` of idle time, whether the model was still there or not. */
  returned(gapMs: number, begin: IdleBegin): void {
    // Of the time before the first request nobody knows when it began.
    if (begin.arrived === 0) {
      this.#start = null;
      return;
    }
    this.#pool.learn(this.#start ?? this.#began(begin), gapMs / 1_000, this.#habit);
    this.#start = null;
    this.#foresight.returned(begin.wallMs, gapMs);
  }

  /** How long until the next request, by the rate of returns after `idleMs` without one; Infinity before `plan`. */
  expectedMs(idleMs: number): number {
    const start = this.#start;
    const bin = ageBins.find(({ toS }) => idleMs / 1_000 < toS) ?? ageBins.at(-1)!;
    if (start === null) return Number.POSITIVE_INFINITY;
    return 1_000 / (this.#pool.rate(bin, start) * this.#habit.factor(bin.group));
  }

  #began({ arrived, wallMs }: IdleBegin): IdleStart {
    const wallS = wallMs / 1_000;
    this.#recent.add(Math.max(0, arrived - this.#arrived), wallS);
    this.#arrived = arrived;
    return { wallS, features: this.#recent.features() };
  }
}
