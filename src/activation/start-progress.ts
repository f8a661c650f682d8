import type { Fleet } from './fleet.ts';
import type { Replica } from './replica.ts';
import type { StartHistory } from './start-history.ts';
import type { WakeHistory } from './wake-history.ts';

/** How far a start is: the one that is expected to be ready first. */
export interface StartProgress {
  readonly step: string | null;
  /** What holds it up, where the platform says so. */
  readonly detail: string | null;
  /** From the median of past starts. */
  readonly etaMs: number | null;
  /** The earliest to be expected (10 % quantile); null with fewer than five learned starts. */
  readonly earliestMs: number | null;
  readonly sinceMs: number | null;
}

/** What was learned of starts, and of wakes. */
export interface Learned {
  readonly history: StartHistory;
  readonly slumber: { readonly wakes: WakeHistory };
}

/** Where the first wake of a fleet stands, or else its first start. Pure. */
export function progressOf(fleet: Fleet, { history, slumber }: Learned, nowMs: number): StartProgress {
  const waking = wakingOf(fleet, slumber.wakes);
  if (waking !== null) return waking;
  const running = fleet.list.in('starting').filter((replica) => replica.start.isRunning);
  const first = running.reduce<Replica | null>(
    (best, one) => (best === null || one.start.beganAtMs < best.start.beganAtMs ? one : best),
    null,
  );
  const beganAtMs = first?.start.beganAtMs ?? (fleet.isMissing ? fleet.count.askedAtMs : null);
  if (beganAtMs === null) return { step: null, detail: null, etaMs: null, earliestMs: null, sinceMs: null };
  const sinceMs = nowMs - beganAtMs;
  const rest = history.rest(first?.start.steps ?? [], sinceMs);
  return {
    step: first?.start.step ?? null,
    detail: first?.status.reason ?? fleet.status.failure ?? null,
    etaMs: rest?.medianMs ?? null,
    earliestMs: rest?.earlyMs ?? null,
    sinceMs,
  };
}

function wakingOf({ list }: Fleet, wakes: WakeHistory): StartProgress | null {
  const first = list.in('waking', 'dozing').find(({ sleep }) => sleep.wakingForMs !== null);
  if (first === undefined) return null;
  const { wakingForMs: sinceMs, rungName } = first.sleep;
  const rest = wakes.rest(rungName ?? '', sinceMs ?? 0);
  return {
    step: `waking from ${rungName}`,
    detail: first.status.reason ?? null,
    etaMs: rest?.medianMs ?? null,
    earliestMs: rest?.earlyMs ?? null,
    sinceMs,
  };
}
