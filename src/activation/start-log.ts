import type { Clock } from '../core/clock.ts';
import { Start } from './start.ts';

const keptStarts = 10;

/** The last ten starts of a revision, those of which no replica came included. */
export class StartLog {
  readonly #clock: Clock;
  readonly #starts: Start[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Newest first. */
  get starts(): readonly Start[] {
    return this.#starts;
  }

  /** Keeps a start, and gives it back. */
  add(start: Start): Start {
    this.#starts.unshift(start);
    if (this.#starts.length > keptStarts) this.#starts.pop();
    return start;
  }

  /** The start of a replica that never came, or of fixed ones that stay away; asked for at `beganAtMs` (null: now). */
  addMissing(beganAtMs: number | null): Start {
    const nowMs = this.#clock.nowMs();
    const sinceMs = nowMs - (beganAtMs ?? nowMs);
    return this.add(
      new Start({
        replicaId: null,
        beganAtMs: nowMs - sinceMs,
        wallMs: this.#clock.wallMs() - sinceMs,
      }),
    );
  }
}
