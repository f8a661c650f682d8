import type { Cancel, Clock } from '../core/clock.ts';
import type { Leadership } from '../core/leadership.ts';

/** What a standing is made of. */
export interface StandingOptions {
  readonly clock: Clock;
  readonly leadership: Leadership;
  /** It leads (`isNew`: and did not before) or not any more, or may lower counts from now on. */
  onChange(isNew: boolean): void;
}

/** How long a driver that sees its target again has to tell what is there. */
const freshMs = 2_000;

/** What this gateway's place in its group allows it to do, as time goes on. */
export class Standing {
  readonly leadership: Leadership;
  readonly #options: StandingOptions;
  readonly #unsubscribe: () => void;
  #wasLeader: boolean;
  #isReleased = false;
  #cancel: Cancel | null = null;

  constructor(options: StandingOptions) {
    this.#options = options;
    this.leadership = options.leadership;
    this.#wasLeader = this.isLeader;
    this.#unsubscribe = this.leadership.onChange(() => this.#changed());
    this.#lookLater();
  }

  get isLeader(): boolean {
    return this.leadership.isLeader;
  }

  /** Whether counts may be written. */
  get mayScale(): boolean {
    return this.isLeader && !this.#isReleased;
  }

  get mayLower(): boolean {
    return this.mayScale && this.#options.clock.nowMs() >= this.leadership.lowersFromMs;
  }

  /**
   * How long nobody can say that a start has failed, in milliseconds: who does not lead, or does not see the target
   * (`freshSinceMs` null) or only just does, does not know. 0: it has.
   */
  doubtMs(freshSinceMs: number | null): number {
    if (freshSinceMs === null || !this.isLeader) return freshMs;
    if (freshSinceMs === 0) return 0;
    return Math.max(0, freshSinceMs + freshMs - this.#options.clock.nowMs());
  }

  /** The target is not this gateway's any more: no count of it is written from now on. */
  release(): void {
    this.#isReleased = true;
  }

  close(): void {
    this.#unsubscribe();
    this.#cancel?.();
    this.#cancel = null;
  }

  #changed(): void {
    const isNew = this.isLeader && !this.#wasLeader;
    this.#wasLeader = this.isLeader;
    this.#lookLater();
    this.#options.onChange(isNew);
  }

  #lookLater(): void {
    this.#cancel?.();
    this.#cancel = null;
    const { clock } = this.#options;
    const atMs = this.leadership.lowersFromMs;
    if (!this.isLeader || atMs <= clock.nowMs()) return;
    this.#cancel = clock.setTimer(atMs, () => this.#changed());
  }
}
