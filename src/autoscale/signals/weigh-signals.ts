import type { Observed } from '../../core/scaling.ts';
import type { SignalMemory, SignalReadings, SignalSettings, SignalWish } from '../../core/signals.ts';
import { backendSignal } from './backend-signals.ts';
import { firstToken, queueDelay, type SignalMoment, waitingPerReplica } from './gate-signals.ts';
import { tokenMarksAfter, waitingMarksAfter } from './windows.ts';

/** What all signals of a model come to. */
export interface WeighedSignals {
  /** The largest of the wishes; null: none asks for any. */
  readonly wish: SignalWish | null;
  readonly memory: SignalMemory;
  /** When to look again although nothing changes; null: not. */
  readonly nextAtMs: number | null;
}

const nothingRead: SignalReadings = { oldestWaitMs: 0, firstTokens: null, backends: [] };

const looks = [
  queueDelay,
  waitingPerReplica,
  firstToken,
  (moment: SignalMoment) => backendSignal('waiting', moment),
  (moment: SignalMoment) => backendSignal('running', moment),
  (moment: SignalMoment) => backendSignal('kvCache', moment),
];

/**
 * The count that the signals ask for: the largest of what each of them does, as of an HPA with several metrics. Each says
 * nothing while no replica is ready, or while what it is told from is missing or stale. The policy kpa follows a wish at
 * once when it falls: there it is kept for the stable window, as an HPA keeps one for its stabilisation window.
 */
export function weighSignals(
  seen: Observed,
  { settings, holdMs }: { readonly settings: SignalSettings; readonly holdMs: number },
  before: SignalMemory | undefined,
  nowMs: number,
): WeighedSignals {
  const readings = seen.signals ?? nothingRead;
  // One that sleeps takes requests as soon as one that starts: when it is ready.
  const observed = { ...seen, starting: seen.starting + (seen.asleep ?? 0) };
  const remembered = rememberedAfter(before, { observed, readings, nowMs });
  const moment = { observed, readings, settings, memory: remembered, nowMs };
  const views = looks.map((look) => look(moment));
  const wishes = views.map(({ wish }) => wish).filter((wish) => wish !== null);
  const largest = wishes.reduce<SignalWish | null>(
    (best, wish) => (best === null || wish.count > best.count ? wish : best),
    null,
  );
  const held = observed.ready === 0 ? null : heldAfter(before?.held ?? null, largest, { holdMs, nowMs });
  const dues = [...views.map(({ nextAtMs }) => nextAtMs), held?.untilMs ?? null].filter((at) => at !== null);
  return {
    wish: held?.wish ?? largest,
    memory: {
      ...remembered,
      wishes,
      wishedAtMs: largest === null ? (before?.wishedAtMs ?? null) : nowMs,
      held,
    },
    nextAtMs: dues.length === 0 ? null : Math.min(...dues),
  };
}

function rememberedAfter(
  before: SignalMemory | undefined,
  { observed, readings, nowMs }: Pick<SignalMoment, 'observed' | 'readings' | 'nowMs'>,
): SignalMoment['memory'] {
  const isReady = observed.ready > 0;
  const isSettled = isReady && observed.starting === 0;
  const { firstTokens } = readings;
  return {
    settledAtMs: isSettled ? (before?.settledAtMs ?? nowMs) : null,
    firstTokenMarks:
      isSettled && firstTokens !== null
        ? tokenMarksAfter(before?.firstTokenMarks ?? [], firstTokens, nowMs)
        : [],
    waitingMarks: isReady ? waitingMarksAfter(before?.waitingMarks ?? [], observed.demand, nowMs) : [],
  };
}

type Held = SignalMemory['held'];

function heldAfter(
  before: Held,
  largest: SignalWish | null,
  { holdMs, nowMs }: { readonly holdMs: number; readonly nowMs: number },
): Held {
  if (holdMs === 0) return null;
  if (before !== null && nowMs < before.untilMs && before.wish.count > (largest?.count ?? 0)) return before;
  return largest === null ? null : { wish: largest, untilMs: nowMs + holdMs };
}
