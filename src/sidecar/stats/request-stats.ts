/** What happened in one report period. */
export interface StatsReport {
  /** Requests at once, averaged over the period by time: two of 500 ms each within a second are 1. */
  readonly averageConcurrency: number;
  /** Part of it that came through the activator. */
  readonly averageProxiedConcurrency: number;
  /** Requests that arrived, per second. */
  readonly requestsPerSecond: number;
  readonly proxiedRequestsPerSecond: number;
  /** From the start of the statistics to the end of the period. */
  readonly uptimeS: number;
}

/**
 * Knative's statistics of requests (networking/pkg/http/stats): concurrency weighted by the time that it lasted. Where the
 * original's are closed by a ticker, these close a period when something is asked or told after its end: the figures are
 * those of a ticker that is never late, and an idle pod has no timer. Proxied requests count in the totals as well.
 */
export class RequestStats {
  readonly #startedAtMs: number;
  readonly #periodMs: number;
  #concurrency = 0;
  #proxiedConcurrency = 0;
  #changedAtMs: number;
  #periodEndsAtMs: number;
  /** Concurrency x milliseconds of the period that runs. */
  #area = 0;
  #proxiedArea = 0;
  #requests = 0;
  #proxiedRequests = 0;
  #last: StatsReport | null = null;

  /** `periodMs`: how long a report covers. */
  constructor(startedAtMs: number, periodMs = 1_000) {
    this.#startedAtMs = startedAtMs;
    this.#periodMs = periodMs;
    this.#changedAtMs = startedAtMs;
    this.#periodEndsAtMs = startedAtMs + periodMs;
  }

  /** A request came, and is there until it leaves; it counts while it waits as well. */
  enter(isProxied: boolean, nowMs: number): void {
    this.#advance(nowMs);
    this.#concurrency++;
    this.#requests++;
    if (!isProxied) return;
    this.#proxiedConcurrency++;
    this.#proxiedRequests++;
  }

  /** It has ended; `isProxied` as it was at `enter`. */
  leave(isProxied: boolean, nowMs: number): void {
    this.#advance(nowMs);
    this.#concurrency--;
    if (isProxied) this.#proxiedConcurrency--;
  }

  /** The last period that is over; null: the first one still runs. */
  report(nowMs: number): StatsReport | null {
    this.#advance(nowMs);
    return this.#last;
  }

  /** Instants may come out of order by a little (a request's arrival is taken before others are told): those count as none. */
  #advance(nowMs: number): void {
    if (nowMs >= this.#periodEndsAtMs) this.#closePeriods(nowMs);
    if (nowMs > this.#changedAtMs) this.#weigh(nowMs);
  }

  #weigh(untilMs: number): void {
    const ms = untilMs - this.#changedAtMs;
    this.#area += this.#concurrency * ms;
    this.#proxiedArea += this.#proxiedConcurrency * ms;
    this.#changedAtMs = untilMs;
  }

  #closePeriods(nowMs: number): void {
    this.#weigh(this.#periodEndsAtMs);
    this.#close();
    const quietPeriods = Math.floor((nowMs - this.#periodEndsAtMs) / this.#periodMs);
    if (quietPeriods < 0) return;
    // Nothing changed in the periods between: the last of them is the one that is reported.
    this.#periodEndsAtMs += quietPeriods * this.#periodMs;
    this.#changedAtMs = this.#periodEndsAtMs - this.#periodMs;
    this.#weigh(this.#periodEndsAtMs);
    this.#close();
  }

  #close(): void {
    const perSecond = 1_000 / this.#periodMs;
    this.#last = {
      averageConcurrency: this.#area / this.#periodMs,
      averageProxiedConcurrency: this.#proxiedArea / this.#periodMs,
      requestsPerSecond: this.#requests * perSecond,
      proxiedRequestsPerSecond: this.#proxiedRequests * perSecond,
      uptimeS: (this.#periodEndsAtMs - this.#startedAtMs) / 1_000,
    };
    this.#area = this.#proxiedArea = this.#requests = this.#proxiedRequests = 0;
    this.#periodEndsAtMs += this.#periodMs;
  }
}
