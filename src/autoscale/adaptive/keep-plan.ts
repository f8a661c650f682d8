import { ageBins } from './age-bins.ts';
import type { ReturnHabit } from './return-habit.ts';
import type { IdleStart, ReturnPool } from './return-pool.ts';

/** How long an idle model is kept, and why. */
export interface KeepPlan {
  readonly keepMs: number;
  /** Probability that the next request comes before that. */
  readonly returnShare: number;
  /** Idle time that it saves, of what cold starts are worth. */
  readonly valueMs: number;
}

/** What a plan is made for. */
export interface KeepInput {
  readonly pool: ReturnPool;
  readonly habit: ReturnHabit;
  readonly start: IdleStart;
  /** The idle time that is as dear as one cold start, milliseconds. */
  readonly coldStartMs: number;
}

const partsPerBin = 4;

/**
 * The time for which keeping an idle model is worth it: the one with the largest `coldStartMs x P(returns by then) -
 * expected idle time until then`. It is 0 where no time pays, and never more than two days. Pure.
 */
export function planKeep({ pool, habit, start, coldStartMs }: KeepInput): KeepPlan {
  let best: KeepPlan = { keepMs: 0, returnShare: 0, valueMs: 0 };
  let bestValueS = 0;
  let idleS = 0;
  let away = 1;
  for (const bin of ageBins) {
    const ratePerS = pool.rate(bin, start) * habit.factor(bin.group);
    const partS = (bin.toS - bin.fromS) / partsPerBin;
    const stays = Math.exp(-ratePerS * partS);
    for (let part = 1; part <= partsPerBin; part++) {
      idleS += (away * (1 - stays)) / ratePerS;
      away *= stays;
      const valueS = (coldStartMs / 1_000) * (1 - away) - idleS;
      if (valueS <= bestValueS) continue;
      bestValueS = valueS;
      best = {
        keepMs: Math.round((bin.fromS + partS * part) * 1_000),
        returnShare: 1 - away,
        valueMs: valueS * 1_000,
      };
    }
  }
  return best;
}
