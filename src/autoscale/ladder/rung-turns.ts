import type { MeasuredRung } from '../../core/ladder.ts';

/** What a wake is weighed by. */
export interface WakePrice {
  /** The idle time that is as dear as one cold start; null: a model that is never stopped has no price. */
  readonly coldStartMs: number | null;
  /** How long a cold start takes; null: not known. */
  readonly startMs: number | null;
}

/** When a rung is taken. */
export interface RungTurn {
  readonly rung: number;
  /** Milliseconds since the idle time began. */
  readonly atMs: number;
  /** `after` is written; it pays; or it is tried, so that its wake time gets measured. */
  readonly why: 'written' | 'pays' | 'trial';
}

/**
 * When an idle replica goes down to which rung, deeper ones later; a rung that never pays is not among them. Pure.
 *
 * A rung costs `cost x idle time` and, at the next request, `price of a cold start x its wake time / that of a start`; each
 * is taken where its line becomes the lowest. Whoever follows that lower envelope never pays more than twice what would
 * have been best, had the time of the next request been known (Irani, Shukla, Gupta: Online strategies for dynamic power
 * management in systems with multiple power-saving states, 2003). A rung of which one of the two times is not known is
 * tried: the rungs share the price of a cold start evenly.
 */
export function rungTurns(rungs: readonly MeasuredRung[], price: WakePrice): readonly RungTurn[] {
  const lines = envelopeOf(rungs, price);
  const turns = rungs.map((rung, index): RungTurn | null => {
    if (rung.afterMs !== null) return { rung: index, atMs: rung.afterMs, why: 'written' };
    if (price.coldStartMs === null) return null;
    const atMs = lines.get(index);
    if (atMs !== undefined) return { rung: index, atMs, why: 'pays' };
    if (isPriced(rung, price) || !isCheaper(rungs, index)) return null;
    return { rung: index, atMs: (price.coldStartMs * (index + 1)) / (rungs.length + 1), why: 'trial' };
  });
  const found = turns.filter((turn) => turn !== null);
  return found.filter(({ rung, atMs }) => !found.some((other) => other.rung > rung && other.atMs <= atMs));
}

function isPriced({ wakeMs }: MeasuredRung, { coldStartMs, startMs }: WakePrice): boolean {
  return wakeMs !== null && startMs !== null && startMs >= 1 && coldStartMs !== null;
}

/** Whether it costs less than each shallower one, and than being ready. */
function isCheaper(rungs: readonly MeasuredRung[], index: number): boolean {
  const { cost } = rungs[index]!;
  return cost < 1 && rungs.slice(0, index).every((shallower) => cost < shallower.cost);
}

/** The rungs of the lower envelope, with the idle time at which their line becomes the lowest. */
function envelopeOf(rungs: readonly MeasuredRung[], price: WakePrice): Map<number, number> {
  const scale = (price.coldStartMs ?? 0) / (price.startMs ?? 1);
  const lines = rungs.flatMap((rung, index) =>
    isPriced(rung, price) ? [{ index, cost: rung.cost, wakeCost: scale * (rung.wakeMs ?? 0) }] : [],
  );
  const turns = new Map<number, number>();
  let lowest = { index: -1, cost: 1, wakeCost: 0 };
  for (let fromMs = 0; ; ) {
    const cross = (line: typeof lowest) =>
      Math.max(fromMs, (line.wakeCost - lowest.wakeCost) / (lowest.cost - line.cost));
    const next = lines
      .filter(({ index, cost }) => index > lowest.index && cost < lowest.cost)
      .toSorted((a, b) => cross(a) - cross(b) || a.cost - b.cost)[0];
    if (next === undefined || !Number.isFinite(cross(next))) return turns;
    fromMs = cross(next);
    turns.set(next.index, fromMs);
    lowest = next;
  }
}
