import { type KeepPlan, planKeep } from './keep-plan.ts';
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

/** The idle time of one model, learned from when its requests return; the pool is shared by all models. */
export class AdaptiveIdle {
  readonly #pool: ReturnPool;
  readonly #recent = new RecentDemand();
  readonly #habit = new ReturnHabit();
  #arrived = 0;
  #start: IdleStart | null = null;

  constructor(pool: ReturnPool) {
    this.#pool = pool;
  }

  /** How long it is worth keeping; `coldStartMs` is the idle time that is as dear as one cold start. */
  plan(begin: IdleBegin, coldStartMs: number): KeepPlan {
    this.#start ??= this.#began(begin);
    return planKeep({ pool: this.#pool, habit: this.#habit, start: this.#start, coldStartMs });
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
  }

  #began({ arrived, wallMs }: IdleBegin): IdleStart {
    const wallS = wallMs / 1_000;
    this.#recent.add(Math.max(0, arrived - this.#arrived), wallS);
    this.#arrived = arrived;
    return { wallS, features: this.#recent.features() };
  }
}
