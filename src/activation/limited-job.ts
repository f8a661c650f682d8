import { formatDuration } from '../config/quantities.ts';
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

/** For one that was aborted to come to its end. */
const abortMs = 1_000;

/** Does one thing at a time, each within a limit; what takes longer is aborted and has failed. */
export class LimitedJob {
  readonly #clock: Clock;
  readonly #timer: OneTimer;
  #running: AbortController | null = null;
  /** The end of what was begun last, also where it was aborted: the next does not begin beside it. */
  #last: Promise<void> | null = null;
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
    const fail = (reason: string) => void (isOver() || failed(reason));
    this.#late = (ms) => {
      const late = new Error(`not done within ${formatDuration(Math.round(ms))}`);
      this.#timer.set(this.#clock.nowMs() + abortMs, () => fail(late.message));
      controller.abort(late);
    };
    this.limit(limitMs);
    const begun =
      this.#last === null ? work(controller.signal) : this.#last.then(() => work(controller.signal));
    const settled = () => {
      if (this.#last === ended) this.#last = null;
    };
    const ended: Promise<void> = begun.then(settled, settled);
    this.#last = ended;
    begun.then(
      (value) => void (isOver() || done(value)),
      (error: unknown) => fail(error instanceof Error ? error.message : String(error)),
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
