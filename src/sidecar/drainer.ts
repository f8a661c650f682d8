import type { Clock } from '../core/clock.ts';

/**
 * Waits until no request has come for a while (knative.dev/pkg/network/handlers, Drainer). From `drain` on probes are
 * answered as shutting down, until `reset`.
 */
export class Drainer {
  readonly #clock: Clock;
  readonly #quietMs: number;
  #quietAtMs = 0;
  #waiting: { readonly promise: Promise<void>; resolve(): void } | null = null;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, quietMs: number) {
    this.#clock = clock;
    this.#quietMs = quietMs;
  }

  get isDraining(): boolean {
    return this.#waiting !== null;
  }

  /** A request came that is no probe: the wait begins anew. */
  noteRequest(): void {
    if (this.#cancel !== null) this.#quietAtMs = this.#clock.nowMs() + this.#quietMs;
  }

  /** Resolves when no request has come for the quiet period; all who call meanwhile wait for the same one. */
  drain(): Promise<void> {
    if (this.#waiting === null) {
      this.#waiting = Promise.withResolvers<void>();
      this.#quietAtMs = this.#clock.nowMs() + this.#quietMs;
      this.#arm();
    }
    return this.#waiting.promise;
  }

  /** Calls it off: who waits goes on, and probes are answered again. */
  reset(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  #arm(): void {
    this.#cancel = this.#clock.setTimer(this.#quietAtMs, () => {
      if (this.#clock.nowMs() < this.#quietAtMs) return this.#arm();
      this.#cancel = null;
      this.#waiting?.resolve();
    });
  }
}
