import { type KeepPlan, planKeep } from './keep-plan.ts';
import { RecentDemand } from './recent-demand.ts';
import { ReturnHabit } from './return-habit.ts';
import type { IdleStart, ReturnPool } from './return-pool.ts';

/** What is known when a model falls idle. */
export interface IdleBegin {
  /** Requests that came since the last time. */
  readonly arrived: number;
  /** Milliseconds since the epoch. */
  readonly wallMs: number;
  /** The idle time that is as dear as one cold start. */
  readonly coldStartMs: number;
}

/** The idle time of one model, learned from when its requests return; the pool is shared by all models. */
export class AdaptiveIdle {
  readonly #pool: ReturnPool;
  readonly #recent = new RecentDemand();
  readonly #habit = new ReturnHabit();
  #start: IdleStart | null = null;

  constructor(pool: ReturnPool) {
    this.#pool = pool;
  }

  /** The model has nothing to do any more: how long it is worth keeping. */
  begin({ arrived, wallMs, coldStartMs }: IdleBegin): KeepPlan {
    const wallS = wallMs / 1_000;
    this.#recent.add(arrived, wallS);
    const start = { wallS, features: this.#recent.features() };
    this.#start = start;
    return planKeep({ pool: this.#pool, habit: this.#habit, start, coldStartMs });
  }

  /** The next request came after `gapMs` of idle time, whether the model was still there or not. */
  end(gapMs: number): void {
    if (this.#start === null) return;
    this.#pool.learn(this.#start, gapMs / 1_000, this.#habit);
    this.#start = null;
  }
}
