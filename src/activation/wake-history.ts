import { type ExpectedRest, type LearnedStart, StartHistory, type StartSample } from './start-history.ts';

/** What is kept of wakes across restarts, in plain JSON: samples by the name of the rung, newest first. */
type WakeSamples = Readonly<Record<string, readonly StartSample[]>>;

/** What is kept of starts and wakes across restarts of the gateway, in plain JSON. */
export interface LearnedTimes {
  /** Those that became ready, newest first. */
  readonly starts: readonly StartSample[];
  readonly wakes: WakeSamples;
}

const mostRungs = 16;

/** How long past wakes took, apart for each rung by its name. */
export class WakeHistory {
  readonly #byRung = new Map<string, StartHistory>();

  get samples(): WakeSamples {
    return Object.fromEntries([...this.#byRung].map(([rung, { samples }]) => [rung, samples]));
  }

  add(rung: string, wakeMs: number): void {
    this.#of(rung).add({ totalMs: wakeMs, steps: [] });
  }

  /** Takes what `samples` told an earlier gateway; whatever makes no sense is left out. */
  seed(samples: unknown): void {
    if (typeof samples !== 'object' || samples === null) return;
    for (const [rung, kept] of Object.entries(samples).slice(0, mostRungs)) this.#of(rung).seed(kept);
  }

  /** null before the first. */
  learned(rung: string): LearnedStart | null {
    return this.#byRung.get(rung)?.learned() ?? null;
  }

  /** What is left of a wake from there that began `sinceMs` ago; null before the first. */
  rest(rung: string, sinceMs: number): ExpectedRest | null {
    return this.#byRung.get(rung)?.rest([], sinceMs) ?? null;
  }

  #of(rung: string): StartHistory {
    const known = this.#byRung.get(rung) ?? new StartHistory();
    this.#byRung.set(rung, known);
    return known;
  }
}
