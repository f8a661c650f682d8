import type { KeepPlan } from './keep-plan.ts';
import { ReturnTimes, type WakeQuestion } from './return-times.ts';
import type { WakePlan } from './wake-plan.ts';

/** What is done with an idle model: how long it is kept, and when it is started again before anybody asks. */
export interface IdlePlan extends KeepPlan {
  /** null: nobody is expected at any time. */
  readonly wake: WakePlan | null;
}

/** A guess that was right, or wrong, moves the trust by this share of what is missing to 1, or to 0. */
const trustStep = 0.3;
/** Four right ones in a row from nothing; after a wrong one the next has to be right before one is followed again. */
const trustNeeded = 0.75;
/** To be let go at once and started ahead, instead of being kept, has to save more by this share of a cold start. */
const leastGainShare = 0.3;

/**
 * Guesses when an idle model is asked again. Each guess is held against what happens, whether it was followed or not, and
 * none is followed until as many of the last ones were right. Within one idle time there is one guess.
 */
export class Foresight {
  readonly #times = new ReturnTimes();
  #trust = 0;
  #guess: WakePlan | null = null;

  /** `keep` with a wake, or a wake instead of it. `startMs` null: it is not known how long a start takes, and nothing is guessed. */
  plan(
    keep: KeepPlan,
    { startMs, ...question }: Omit<WakeQuestion, 'keptMs' | 'startMs'> & { startMs: number | null },
  ): IdlePlan {
    this.#guess = null;
    if (startMs === null) return { ...keep, wake: null };
    const planOf = (keptMs: number) => this.#times.plan({ ...question, startMs, keptMs });
    const early = keep.keepMs === 0 ? null : planOf(0);
    const leastMs = keep.valueMs + leastGainShare * question.coldStartMs;
    const isLetGo = early !== null && early.valueMs > leastMs;
    this.#guess = isLetGo ? early : planOf(keep.keepMs);
    if (this.#guess === null || this.#trust < trustNeeded) return { ...keep, wake: null };
    return isLetGo
      ? { keepMs: 0, returnShare: 0, valueMs: early.valueMs, wake: early }
      : { ...keep, wake: this.#guess };
  }

  /** The idle time that began at `beganMs` (since the epoch) is over. */
  returned(beganMs: number, gapMs: number): void {
    if (this.#guess !== null && gapMs >= this.#guess.fromMs) {
      const isRight = gapMs < this.#guess.toMs;
      this.#trust += trustStep * ((isRight ? 1 : 0) - this.#trust);
    }
    this.#guess = null;
    this.#times.learn(beganMs, gapMs);
  }
}
