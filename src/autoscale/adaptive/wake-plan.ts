/** A stretch of an idle time in which a replica is to be ready, in milliseconds since the idle time began. */
export interface WakePlan {
  /** A start that is to be ready in time begins here. */
  readonly fromMs: number;
  /** If nobody came by then, it was wrong. */
  readonly toMs: number;
  /** When the past requests that it goes by came: the first and the last of them. */
  readonly earliestMs: number;
  readonly latestMs: number;
  /** Of the past returns that it was chosen from, those that came within. */
  readonly share: number;
  /** Idle time that it saves, of what cold starts are worth; per idle time. */
  readonly valueMs: number;
}

/** What a plan is chosen by. */
export interface WakeInput {
  /** Ages at which requests returned in the past, in rising order. */
  readonly agesMs: readonly number[];
  /** Until then the replica of before is kept. */
  readonly keptMs: number;
  /** How long a start takes. */
  readonly startMs: number;
  /** The idle time that is as dear as one cold start. */
  readonly coldStartMs: number;
}

/** So many returns have to have come within. */
const leastHits = 5;
/** What is saved has to be worth more than this share of a cold start: past returns look more alike than those to come. */
const leastValueShare = 0.2;
/** One return that comes at no time that was seen is always reckoned with. */
const unseenReturns = 1;
const leastMarginMs = 3_000;
/** Returns are expected so much earlier or later than they were seen, as a share of their age. */
const marginShare = 0.01;

/**
 * The stretch for which it pays best to be ready: the largest `coldStartMs x share of returns within - expected idle time,
 * and time to load where nobody came`. null: none pays enough, or too few returns are known. Pure.
 */
export function planWake({ agesMs, keptMs, startMs, coldStartMs }: WakeInput): WakePlan | null {
  const ages = agesMs.filter((ageMs) => ageMs > keptMs + startMs);
  const count = ages.length + unseenReturns;
  let best: WakePlan | null = null;
  for (let first = 0; first < ages.length; first++) {
    const earliestMs = ages[first]!;
    const readyMs = Math.max(keptMs + startMs, earliestMs - marginOf(earliestMs));
    let idleMs = 0;
    for (let last = first; last < ages.length; last++) {
      const latestMs = ages[last]!;
      idleMs += latestMs - readyMs;
      const hits = last - first + 1;
      if (hits < leastHits) continue;
      const toMs = latestMs + marginOf(latestMs);
      const later = count - first - hits;
      const wastedMs = later * (toMs - readyMs + startMs);
      const valueMs = (coldStartMs * hits - idleMs - wastedMs) / count;
      if (valueMs <= (best?.valueMs ?? leastValueShare * coldStartMs)) continue;
      best = { fromMs: readyMs - startMs, toMs, earliestMs, latestMs, share: hits / count, valueMs };
    }
  }
  return best;
}

function marginOf(ageMs: number): number {
  return Math.max(leastMarginMs, ageMs * marginShare);
}
