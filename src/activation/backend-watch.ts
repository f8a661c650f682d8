import type { Clock } from '../core/clock.ts';
import type { LoadGauge } from '../core/load-gauge.ts';
import { type BackendReading, gaugePace } from '../core/signals.ts';
import { OneTimer } from './one-timer.ts';
import type { Replica } from './replica.ts';

/** What asks the ready replicas for their gauges. */
export interface BackendWatchOptions {
  readonly gauge: LoadGauge;
  readonly clock: Clock;
  /** Those that take requests now, where they are to be asked; empty: nobody is. */
  asked(): readonly Replica[];
  /** One of them has told something. */
  onReading(): void;
}

/**
 * Reads the gauges of the ready replicas every few seconds, each on its own: one that hangs holds up no other, and is not
 * asked again before it has answered or its time is over. There is no timer while nobody is to be asked.
 */
export class BackendWatch {
  readonly #options: BackendWatchOptions;
  readonly #timer: OneTimer;
  readonly #readingById = new Map<string, BackendReading>();
  readonly #askingById = new Map<string, AbortController>();
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: BackendWatchOptions) {
    this.#options = options;
    this.#timer = new OneTimer(options.clock);
  }

  /** The last readings of those that are ready, old ones too: each says when it was asked for. */
  get readings(): readonly BackendReading[] {
    return this.#options
      .asked()
      .map(({ id }) => this.#readingById.get(id))
      .filter((reading) => reading !== undefined);
  }

  /** Which of them are ready has changed, or whether they are to be asked. */
  update(): void {
    const asked = this.#options.asked();
    const ids = new Set(asked.map(({ id }) => id));
    for (const id of this.#readingById.keys()) if (!ids.has(id)) this.#readingById.delete(id);
    for (const id of this.#askingById.keys()) if (!ids.has(id)) this.#forget(id);
    if (this.#isClosed || asked.length === 0) this.#timer.cancel();
    else if (!this.#timer.isSet) this.#timer.set(this.#askedAtMs + gaugePace.everyMs, () => this.#round());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
    for (const id of this.#askingById.keys()) this.#forget(id);
  }

  #round(): void {
    this.#askedAtMs = this.#options.clock.nowMs();
    for (const replica of this.#options.asked()) this.#ask(replica);
    this.update();
  }

  #ask({ id, status: { origin } }: Replica): void {
    if (origin === null || this.#askingById.has(id)) return;
    const atMs = this.#askedAtMs;
    const controller = new AbortController();
    this.#askingById.set(id, controller);
    const ended = () => {
      if (controller.signal.aborted) return false;
      this.#askingById.delete(id);
      return true;
    };
    // One that fails says nothing: what it said before grows old.
    this.#options.gauge.read(origin, controller.signal).then((load) => {
      if (!ended() || load === null) return;
      this.#readingById.set(id, { ...load, atMs });
      this.#options.onReading();
    }, ended);
  }

  #forget(id: string): void {
    this.#askingById.get(id)?.abort();
    this.#askingById.delete(id);
  }
}
