import type { Cancel, Clock } from '../core/clock.ts';

/** What stands for "no limit" while a replica without one is warmed up. */
const unlimitedTop = 100;
const steps = 10;

/** A replica's limit at a moment of its slow start. Pure. */
export interface RampPoint {
  /** 0 = no limit. */
  readonly limit: number;
  /** When it grows next, since it became ready; null: it is full. */
  readonly nextMs: number | null;
}

/** The limit `elapsedMs` after a replica became ready: 1 at first, growing in ten steps to `full` at `rampMs`. */
export function rampAt(full: number, rampMs: number, elapsedMs: number): RampPoint {
  if (rampMs <= 0 || elapsedMs >= rampMs || full === 1) return { limit: full, nextMs: null };
  const step = Math.floor((elapsedMs * steps) / rampMs);
  const top = full === 0 ? unlimitedTop : full;
  return { limit: Math.max(1, Math.floor((top * step) / steps)), nextMs: ((step + 1) * rampMs) / steps };
}

/** The limit of one that is tried again: room for one beside those that hang there; `full` 0 = no limit. Pure. */
export function canaryLimit(inFlight: number, full: number): number {
  return full === 0 ? inFlight + 1 : Math.min(inFlight + 1, full);
}

/** Applies a ramp as time goes on, with one timer. */
export class SlowStart {
  readonly #clock: Clock;
  #cancel: Cancel | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `apply` with the limit of the moment and at each step, until full or cancelled. */
  run(ramp: { full: number; rampMs: number; beganMs: number }, apply: (limit: number) => void): void {
    this.cancel();
    const { limit, nextMs } = rampAt(ramp.full, ramp.rampMs, this.#clock.nowMs() - ramp.beganMs);
    if (nextMs !== null)
      this.#cancel = this.#clock.setTimer(ramp.beganMs + nextMs, () => this.run(ramp, apply));
    apply(limit);
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
