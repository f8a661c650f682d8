import { formatDuration } from '../config/units.ts';
import type { Clock } from '../core/clock.ts';
import { OneTimer } from './one-timer.ts';

/** What becomes of a job: one of the two, once, and never within the call that began it. */
export interface JobEnd<T> {
  /** From its beginning. */
  readonly limitMs: number;
  done(value: T): void;
  /** Why, in one line. */
  failed(reason: string): void;
}

/** Does one thing at a time, each within a limit; what takes longer is aborted and has failed. */
export class LimitedJob {
  readonly #clock: Clock;
  readonly #timer: OneTimer;
  #running: AbortController | null = null;
  #late: (limitMs: number) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = new OneTimer(clock);
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** What is under way already is aborted, and nothing is told of it. */
  run<T>(work: (signal: AbortSignal) => Promise<T>, { limitMs, done, failed }: JobEnd<T>): void {
    this.cancel();
    const controller = new AbortController();
    this.#running = controller;
    const isOver = () => {
      if (this.#running !== controller) return true;
      this.#running = null;
      this.#timer.cancel();
      return false;
    };
    this.#late = (ms) => {
      if (isOver()) return;
      controller.abort();
      failed(`not done within ${formatDuration(Math.round(ms))}`);
    };
    this.limit(limitMs);
    work(controller.signal).then(
      (value) => void (isOver() || done(value)),
      (error: unknown) => void (isOver() || failed(error instanceof Error ? error.message : String(error))),
    );
  }

  /** What is under way has so much time from now on. */
  limit(limitMs: number): void {
    this.#timer.set(this.#clock.nowMs() + limitMs, () => this.#late(limitMs));
  }

  /** Aborts what is under way; nothing is told of it. */
  cancel(): void {
    this.#running?.abort();
    this.#running = null;
    this.#timer.cancel();
  }
}
