import type { Doing } from './ledger.ts';
import type { Trace } from './trace.ts';

/** A stretch of a trace of which everything is told about one model; milliseconds since the trace began. */
export interface DayWindow {
  readonly model: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a model was asked and what its replicas did, in slots of equal length. */
export interface Day extends DayWindow {
  readonly policy: string;
  /** Mean count of replicas in each slot. */
  readonly replicas: Readonly<Record<Doing, readonly number[]>>;
  /** Requests in bins of equal length: all, and those that were cold. */
  readonly requests: { readonly all: readonly number[]; readonly cold: readonly number[] };
}

interface ModelDay {
  readonly model: number;
  readonly day: number;
  requests: number;
}

const dayMs = 86_400_000;
/** More days than any trace has. */
const mostDays = 1_000_000;
/** Two minutes each. */
const slotCount = 720;
/** A quarter of an hour each. */
const binCount = 96;

/** Sums what the replicas of one model do within a day. */
export class DayRecorder {
  readonly window: DayWindow;
  readonly #slotMs: number;
  readonly #msBySlot: Readonly<Record<Doing, Float64Array>> = {
    loading: new Float64Array(slotCount),
    idle: new Float64Array(slotCount),
    busy: new Float64Array(slotCount),
  };
  readonly #all = new Array<number>(binCount).fill(0);
  readonly #cold = new Array<number>(binCount).fill(0);

  constructor(window: DayWindow) {
    this.window = window;
    this.#slotMs = (window.toMs - window.fromMs) / slotCount;
  }

  /** One of its replicas did this from `fromMs` to `toMs`. */
  spent(doing: Doing, fromMs: number, toMs: number): void {
    const slotMs = this.#slotMs;
    const beginMs = Math.max(0, fromMs - this.window.fromMs);
    const endMs = Math.min(slotMs * slotCount, toMs - this.window.fromMs);
    const slots = this.#msBySlot[doing];
    for (let slot = Math.floor(beginMs / slotMs); slot < slotCount && slot * slotMs < endMs; slot++)
      slots[slot]! += Math.min(endMs, (slot + 1) * slotMs) - Math.max(beginMs, slot * slotMs);
  }

  /** A request of the trace came to it at `atMs`. */
  asked(atMs: number, isCold: boolean): void {
    const { fromMs, toMs } = this.window;
    if (atMs < fromMs || atMs >= toMs) return;
    const bin = Math.floor(((atMs - fromMs) / (toMs - fromMs)) * binCount);
    this.#all[bin]!++;
    if (isCold) this.#cold[bin]!++;
  }

  day(policy: string): Day {
    const mean = (ms: Float64Array) => [...ms].map((sum) => Math.round((sum / this.#slotMs) * 1e3) / 1e3);
    const { loading, idle, busy } = this.#msBySlot;
    return {
      ...this.window,
      policy,
      replicas: { loading: mean(loading), idle: mean(idle), busy: mean(busy) },
      requests: { all: this.#all, cold: this.#cold },
    };
  }
}

/**
 * The day with the most requests of a model, or of any (null), among those that come from `fromMs` on. Days begin at
 * midnight UTC where the trace knows the date, else when it began. Throws an Error for people where the model has none.
 */
export function busiestDay(trace: Trace, name: string | null, fromMs: number): DayWindow {
  const { arrivalMs, model, models, wallFromMs, count } = trace;
  const only = name === null ? null : models.indexOf(name);
  if (only === -1) throw new Error(`no model of the trace is named ${JSON.stringify(name)}`);
  const offsetMs = wallFromMs % dayMs;
  const byKey = new Map<number, ModelDay>();
  for (let at = 0; at < count; at++) {
    const index = model[at]!;
    if (arrivalMs[at]! < fromMs || (only !== null && only !== index)) continue;
    const day = Math.floor((arrivalMs[at]! + offsetMs) / dayMs);
    const key = index * mostDays + day;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { model: index, day, requests: 1 });
    else known.requests++;
  }
  const most = [...byKey.values()].reduce<ModelDay | null>(
    (best, one) => (best === null || one.requests > best.requests ? one : best),
    null,
  );
  if (most === null) throw new Error(`${JSON.stringify(name)} has no request in the part that is judged`);
  const beginMs = most.day * dayMs - offsetMs;
  return { model: models[most.model]!, fromMs: beginMs, toMs: beginMs + dayMs };
}
