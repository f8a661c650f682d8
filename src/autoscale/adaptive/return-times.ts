import { planWake, type WakeInput, type WakePlan } from './wake-plan.ts';

/** An idle time that is over, in milliseconds. */
interface PastIdle {
  /** Since the epoch. */
  readonly beganMs: number;
  readonly gapMs: number;
}

/** What a return is predicted for. */
export interface WakeQuestion extends Omit<WakeInput, 'agesMs'> {
  /** When the idle time began, in milliseconds since the epoch. */
  readonly beganMs: number;
}

const remembered = 48;
const dayMs = 86_400_000;
/** Idle times that began at about the same time of day are alike. */
const alikeMs = 3 * 3_600_000;

/** When one model was asked again: after how long, and at which time of day. */
export class ReturnTimes {
  readonly #past: PastIdle[] = [];

  /** An idle time that began at `beganMs` (since the epoch) is over. */
  learn(beganMs: number, gapMs: number): void {
    this.#past.push({ beganMs, gapMs });
    if (this.#past.length > remembered) this.#past.shift();
  }

  /** The better of what the lengths of past idle times say and what the times of day do; null: neither says anything. */
  plan(question: WakeQuestion): WakePlan | null {
    if (this.#past.length === 0) return null;
    const byLength = planWake({ ...question, agesMs: rising(this.#past.map(({ gapMs }) => gapMs)) });
    const byDay = planWake({ ...question, agesMs: rising(this.#agesByDay(question.beganMs)) });
    if (byLength === null || byDay === null) return byLength ?? byDay;
    return byDay.valueMs > byLength.valueMs ? byDay : byLength;
  }

  /** Ages at which it would be the time of day at which requests returned after idle times that began at about this time. */
  #agesByDay(beganMs: number): number[] {
    return this.#past
      .map((past) => ({ ...past, laterMs: laterInDayMs(beganMs, past.beganMs) }))
      .filter(({ laterMs }) => Math.abs(laterMs) <= alikeMs)
      .map(({ laterMs, gapMs }) => laterMs + gapMs);
  }
}

function rising(values: number[]): number[] {
  return values.sort((a, b) => a - b);
}

/** How much later in the day the second one is, from -12 to 12 hours. */
function laterInDayMs(beganMs: number, otherMs: number): number {
  const laterMs = (((otherMs - beganMs) % dayMs) + dayMs) % dayMs;
  return laterMs > dayMs / 2 ? laterMs - dayMs : laterMs;
}
