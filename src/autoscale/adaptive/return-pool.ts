import { type AgeBin, ageBins, ageGroupCount } from './age-bins.ts';
import { featureCount } from './recent-demand.ts';
import type { ReturnHabit } from './return-habit.ts';

/** The beginning of an idle time, as far as the rate of returns depends on it. */
export interface IdleStart {
  /** Seconds since the epoch. */
  readonly wallS: number;
  /** Of RecentDemand. */
  readonly features: readonly number[];
}

const hoursOfDay = 24;
const hourOffset = ageBins.length + ageGroupCount * featureCount;
const weightCount = hourOffset + hoursOfDay;
const learningRate = 0.1;
/** The step of an hour's weight is that of half a feature: there are 24 of them, and each is seen seldom. */
const hourFeature = 0.5;
/** One idle time moves nothing further than this, however surprising it is. */
const largestSurprise = 2;
const mostExpected = 20;

/**
 * The rate at which idle models get their next request, learned over all models: log rate = weight of the age + weights of
 * the recent demand, apart for five stretches of age + weight of the hour of the day (UTC). It is a Poisson regression with
 * piecewise constant rates (a piecewise exponential survival model), fitted one idle time after the other by AdaGrad.
 * Before anything is learned the rate falls with the age as 0.5 / (age + 30 s).
 */
export class ReturnPool {
  readonly #weights = new Float64Array(weightCount);
  readonly #squares = new Float64Array(weightCount).fill(1);

  constructor() {
    for (const { index, fromS } of ageBins) this.#weights[index] = Math.log(0.5 / (fromS + 30));
  }

  /** Returns per second within the stretch of an idle time that began so. */
  rate(bin: AgeBin, start: IdleStart): number {
    const weights = this.#weights;
    const offset = featureOffset(bin);
    let log = (weights[bin.index] ?? 0) + (weights[hourIndex(bin, start)] ?? 0);
    for (let index = 0; index < featureCount; index++)
      log += (weights[offset + index] ?? 0) * (start.features[index] ?? 0);
    return Math.exp(log);
  }

  /** An idle time ended after `gapS` by the next request; the habit learns how it differs from the pool. */
  learn(start: IdleStart, gapS: number, habit: ReturnHabit): void {
    habit.decay();
    for (const bin of ageBins) {
      if (bin.fromS > gapS) return;
      const isReturn = gapS < bin.toS;
      const expected = (Math.min(gapS, bin.toS) - bin.fromS) * this.rate(bin, start);
      habit.learn(bin.group, isReturn, expected);
      const surprise = (isReturn ? 1 : 0) - Math.min(mostExpected, expected);
      this.#step(bin, start, Math.max(-largestSurprise, surprise));
    }
  }

  #step(bin: AgeBin, start: IdleStart, gradient: number): void {
    const offset = featureOffset(bin);
    this.#move(bin.index, gradient);
    for (let index = 0; index < featureCount; index++)
      this.#move(offset + index, gradient * (start.features[index] ?? 0));
    this.#move(hourIndex(bin, start), gradient * hourFeature);
  }

  #move(index: number, gradient: number): void {
    const square = (this.#squares[index] ?? 0) + gradient * gradient;
    this.#squares[index] = square;
    this.#weights[index] = (this.#weights[index] ?? 0) + (learningRate * gradient) / Math.sqrt(square);
  }
}

function featureOffset({ group }: AgeBin): number {
  return ageBins.length + group * featureCount;
}

function hourIndex({ fromS }: AgeBin, { wallS }: IdleStart): number {
  return hourOffset + (Math.floor((wallS + fromS) / 3_600) % hoursOfDay);
}
