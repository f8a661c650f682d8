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

/** server-timing of what the gateway answers at once, on its own: nothing waited and no backend was asked. */
export const untimed = [
  'server-timing',
  'queue;dur=0.0, cold;dur=0.0, backend;dur=0.0, proxy;dur=0.0',
] as const;

/** The stop-watch of one request. */
export class Timings {
  readonly arrivedAtMs: number;
  readonly #clock: Clock;
  #queuedAtMs = -1;
  #isColdWait = false;
  #waitMs = 0;
  #coldMs = 0;
  #sentAtMs = 0;
  #headAtMs = -1;
  #startDetail: string | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.arrivedAtMs = clock.nowMs();
  }

  facts(): TimingFacts {
    return {
      waitMs: this.#waitMs,
      coldMs: this.#coldMs,
      firstByteMs: this.#headAtMs < 0 ? null : this.#headAtMs - this.arrivedAtMs,
      totalMs: this.#clock.nowMs() - this.arrivedAtMs,
    };
  }

  queued(isCold: boolean): void {
    this.#queuedAtMs = this.#clock.nowMs();
    this.#isColdWait = isCold;
  }

  /** It left the queue; does nothing when it was not in it. */
  unqueued(): void {
    if (this.#queuedAtMs < 0) return;
    const ms = this.#clock.nowMs() - this.#queuedAtMs;
    if (this.#isColdWait) this.#coldMs += ms;
    else this.#waitMs += ms;
    this.#queuedAtMs = -1;
  }

  /** To a replica; the last attempt counts. */
  sent(nowMs: number): void {
    this.#sentAtMs = nowMs;
  }

  /** Whether it waited for a start. */
  get isCold(): boolean {
    return this.#coldMs > 0;
  }

  /** Since its arrival, without what it waited for a start. */
  servedMs(nowMs: number): number {
    return nowMs - this.arrivedAtMs - this.#coldMs;
  }

  /** What the start that it waited for went through, in the grammar of Server-Timing; null: not known. */
  started(detail: string | null): void {
    this.#startDetail = detail;
  }

  /** The head of the answer came. */
  headed(nowMs: number): void {
    this.#headAtMs = nowMs;
  }

  /**
   * server-timing (https://www.w3.org/TR/server-timing/) and, after a wait for a start, x-pilotlight-cold-start with
   * its milliseconds and x-pilotlight-cold-start-detail with the phases of that start.
   */
  appendTo(fields: FlatHeaders): void {
    const backendMs = this.#headAtMs < 0 ? 0 : this.#headAtMs - this.#sentAtMs;
    const sinceMs = this.#clock.nowMs() - this.arrivedAtMs;
    pushTimings(fields, { waitMs: this.#waitMs, coldMs: this.#coldMs, backendMs, sinceMs });
    if (this.#coldMs === 0) return;
    if (this.#startDetail !== null) fields.push('x-pilotlight-cold-start-detail', this.#startDetail);
  }
}

/** Adds server-timing and x-pilotlight-cold-start; `sinceMs` is the time since the arrival, of which the others are parts. */
export function pushTimings(
  fields: FlatHeaders,
  {
    waitMs,
    coldMs,
    backendMs,
    sinceMs,
  }: Pick<TimingFacts, 'waitMs' | 'coldMs'> & { readonly backendMs: number; readonly sinceMs: number },
): void {
  const proxyMs = Math.max(0, sinceMs - waitMs - coldMs - backendMs);
  const value =
    `queue;dur=${tenths(waitMs)}, cold;dur=${tenths(coldMs)}, ` +
    `backend;dur=${tenths(backendMs)}, proxy;dur=${tenths(proxyMs)}`;
  fields.push('server-timing', value);
  if (coldMs > 0) fields.push('x-pilotlight-cold-start', String(Math.round(coldMs)));
}

/** With one decimal; integers are made into text several times faster than by toFixed. */
function tenths(ms: number): string {
  if (ms === 0) return '0.0';
  const all = Math.round(ms * 10);
  const whole = Math.trunc(all / 10);
  return `${whole}.${all - whole * 10}`;
}

/** Where the time went, for a client whose answer began before that was known: what `appendTo` would have told. */
export function timingComment([, timing, , , , startDetail]: FlatHeaders): string {
  return `: pilotlight ${timing}${startDetail === undefined ? '' : ` start: ${startDetail}`}\n\n`;
}
