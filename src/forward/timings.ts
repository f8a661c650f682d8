import type { Clock } from '../core/clock.ts';
import type { FlatHeaders } from './headers.ts';

/** Where one request's time went, in milliseconds. */
export interface TimingFacts {
  /** In the queue while the model was ready. */
  readonly waitMs: number;
  /** In the queue while the model was not. */
  readonly coldMs: number;
  /** Arrival to the head of the answer; null when there was none. */
  readonly firstByteMs: number | null;
  readonly totalMs: number;
}

/** The stop-watch of one request. */
export class Timings {
  readonly arrivedAtMs: number;
  readonly #clock: Clock;
  #queuedAtMs: number | null = null;
  #isColdWait = false;
  #waitMs = 0;
  #coldMs = 0;
  #sentAtMs = 0;
  #headAtMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.arrivedAtMs = clock.nowMs();
  }

  queued(isCold: boolean): void {
    this.#queuedAtMs = this.#clock.nowMs();
    this.#isColdWait = isCold;
  }

  /** It left the queue; does nothing when it was not in it. */
  unqueued(): void {
    if (this.#queuedAtMs === null) return;
    const ms = this.#clock.nowMs() - this.#queuedAtMs;
    if (this.#isColdWait) this.#coldMs += ms;
    else this.#waitMs += ms;
    this.#queuedAtMs = null;
  }

  /** To a replica; the last attempt counts. */
  sent(): void {
    this.#sentAtMs = this.#clock.nowMs();
  }

  /** The head of the answer came. */
  headed(): void {
    this.#headAtMs = this.#clock.nowMs();
  }

  facts(): TimingFacts {
    const { arrivedAtMs } = this;
    return {
      waitMs: this.#waitMs,
      coldMs: this.#coldMs,
      firstByteMs: this.#headAtMs === null ? null : this.#headAtMs - arrivedAtMs,
      totalMs: this.#clock.nowMs() - arrivedAtMs,
    };
  }

  /** server-timing (https://www.w3.org/TR/server-timing/) and, after a wait for a start, x-pilotlight-cold-start. */
  headers(): FlatHeaders {
    const backendMs = this.#headAtMs === null ? 0 : this.#headAtMs - this.#sentAtMs;
    const sinceMs = this.#clock.nowMs() - this.arrivedAtMs;
    const proxyMs = Math.max(0, sinceMs - this.#waitMs - this.#coldMs - backendMs);
    const parts = [
      `queue;dur=${this.#waitMs.toFixed(1)}`,
      `cold;dur=${this.#coldMs.toFixed(1)}`,
      `backend;dur=${backendMs.toFixed(1)}`,
      `proxy;dur=${proxyMs.toFixed(1)}`,
    ];
    const headers = ['server-timing', parts.join(', ')];
    if (this.#coldMs > 0) headers.push('x-pilotlight-cold-start', String(Math.round(this.#coldMs)));
    return headers;
  }
}
