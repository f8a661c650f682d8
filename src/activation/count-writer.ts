import type { Cancel, Clock } from '../core/clock.ts';
import type { Driver, Target, TargetStatus } from '../core/driver.ts';

/** What a count is written with. */
export interface CountWriterOptions {
  readonly driver: Driver;
  readonly target: Target;
  readonly clock: Clock;
  /** It could not be asked for. */
  onFailed(error: unknown): void;
  /** A second after a failure. */
  onRetry(): void;
  /** A second after a write: a platform that was told to end a replica, and then not, has had time to say so. */
  onStood(): void;
  readonly signal: AbortSignal;
}

const retryMs = 1_000;
const stoodMs = 1_000;

/** What the driver was told last, and whether what it reports is that. */
export class CountWriter {
  readonly #options: CountWriterOptions;
  #told: number | null = null;
  /** What the driver reported last. */
  #seen: number | null = null;
  #running = 0;
  #hasStood = true;
  #cancelRetry: Cancel | null = null;
  #cancelStood: Cancel | null = null;

  constructor(options: CountWriterOptions) {
    this.#options = options;
  }

  /** The count that stands at the driver; null: not known. */
  get told(): number | null {
    return this.#told;
  }

  /** Whether the last write is a second old. */
  get hasStood(): boolean {
    return this.#hasStood;
  }

  /**
   * Takes what the driver reports; returns it where somebody else has changed it (or it is the first), else null. While
   * a call is on its way, what was reported before it is only late.
   */
  see({ desired }: TargetStatus): number | null {
    if (desired === undefined) return null;
    const isLate = this.#running > 0 && desired === this.#seen;
    this.#seen = desired;
    if (desired === this.#told || isLate) return null;
    this.#told = desired;
    return desired;
  }

  /** Tells the driver; a failure is told of, and what stands is what was seen last. */
  write(replicas: number, victims: readonly string[], isRetried: () => boolean): void {
    const { driver, target, clock, signal } = this.#options;
    this.close();
    this.#told = replicas;
    this.#hasStood = false;
    this.#cancelStood = clock.setTimer(clock.nowMs() + stoodMs, () => {
      this.#hasStood = true;
      this.#options.onStood();
    });
    this.#running++;
    driver.scale(target, { replicas, victims }, signal).then(
      () => {
        this.#running--;
      },
      (error: unknown) => {
        this.#running--;
        if (signal.aborted) return;
        if (this.#told === replicas) this.#told = this.#seen;
        this.#options.onFailed(error);
        this.cancel();
        if (isRetried())
          this.#cancelRetry = clock.setTimer(clock.nowMs() + retryMs, () => this.#options.onRetry());
      },
    );
  }

  /** No timer is left. */
  close(): void {
    this.cancel();
    this.#cancelStood?.();
    this.#cancelStood = null;
  }

  /** No retry is made. */
  cancel(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }
}
