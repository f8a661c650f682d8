import type { FirstTokenTotals } from '../core/signals.ts';
import type { RequestMetrics } from './request-metrics.ts';
import type { CounterSeries, DurationSeries } from './series.ts';
import { phasesOf, type StartMoment } from './start-phases.ts';

/** How one request went. */
export interface RequestFacts {
  /** `answered`, `gone`, or the code of the error. */
  readonly outcome: string;
  /** In the queue while the model was ready. */
  readonly waitMs: number;
  /** In the queue while it was not. */
  readonly coldMs: number;
  /** From arrival to the head of the answer; null when there was none. */
  readonly firstByteMs: number | null;
  readonly totalMs: number;
  readonly retries: number;
}

/** Tokens that one answer used. */
interface TokenFacts {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
}

/** One model's series, so that the hot path looks nothing up and allocates nothing. */
export class ModelMeter {
  readonly #model: string;
  readonly #metrics: RequestMetrics;
  readonly #answered: CounterSeries;
  readonly #retries: CounterSeries;
  readonly #wait: DurationSeries;
  readonly #firstByte: DurationSeries;
  readonly #duration: DurationSeries;
  readonly #firstToken: DurationSeries;
  readonly #gap: DurationSeries;
  readonly #promptTokens: CounterSeries;
  readonly #cachedTokens: CounterSeries;
  readonly #completionTokens: CounterSeries;

  constructor(model: string, metrics: RequestMetrics) {
    this.#model = model;
    this.#metrics = metrics;
    this.#answered = metrics.requests.series(model, 'answered');
    this.#retries = metrics.retries.series(model);
    this.#wait = metrics.wait.series(model);
    this.#firstByte = metrics.firstByte.series(model);
    this.#duration = metrics.duration.series(model);
    this.#firstToken = metrics.firstToken.series(model);
    this.#gap = metrics.gap.series(model);
    this.#promptTokens = metrics.promptTokens.series(model);
    this.#cachedTokens = metrics.cachedTokens.series(model);
    this.#completionTokens = metrics.completionTokens.series(model);
    // An alert on a rate needs the zero before the first one.
    metrics.clientAborts.series(model, 'before_answer');
    metrics.clientAborts.series(model, 'during_answer');
    metrics.thrash.series(model);
  }

  /** A request has ended; `tokens` is what its answer's usage told. */
  finished(facts: RequestFacts, tokens: TokenFacts | null = null): void {
    const { outcome, waitMs, coldMs, firstByteMs, totalMs, retries } = facts;
    if (outcome === 'answered') this.#answered.add(1);
    else this.#unanswered(outcome, firstByteMs !== null);
    if (retries > 0) this.#retries.add(retries);
    if (coldMs > 0) this.#metrics.coldWait.series(this.#model).observe(coldMs);
    this.#wait.observe(waitMs);
    if (firstByteMs !== null) this.#firstByte.observe(firstByteMs);
    this.#duration.observe(totalMs);
    if (tokens !== null) this.tokens(tokens);
  }

  #unanswered(outcome: string, hasHead: boolean): void {
    const { requests, clientAborts } = this.#metrics;
    requests.series(this.#model, outcome).add(1);
    if (outcome === 'gone')
      clientAborts.series(this.#model, hasHead ? 'during_answer' : 'before_answer').add(1);
  }

  /**
   * A chunk of a streamed answer came, `gapMs` after the one before; null: it is the first, `servedMs` after the request's
   * arrival without what that waited for a start.
   */
  chunk(gapMs: number | null, servedMs: number): void {
    if (gapMs === null) this.#firstToken.observe(servedMs);
    else this.#gap.observe(gapMs);
  }

  /** Sums over the first chunks of all streamed answers. */
  firstTokens(): FirstTokenTotals {
    const { count, sum: sumMs } = this.#firstToken;
    return { count, sumMs };
  }

  /** What an answer's usage told; `cachedTokens` are those of `promptTokens` that the backend had in a cache. */
  tokens({ promptTokens, completionTokens, cachedTokens }: TokenFacts): void {
    this.#promptTokens.add(promptTokens);
    this.#completionTokens.add(completionTokens);
    this.#cachedTokens.add(cachedTokens);
  }

  /** A start became ready. */
  startedReady(totalMs: number, steps: readonly StartMoment[]): void {
    const { starts, startPhases } = this.#metrics;
    starts.series(this.#model).observe(totalMs);
    for (const { name, durationMs } of phasesOf(steps))
      startPhases.series(this.#model, name).observe(durationMs);
  }

  /** A start was asked for soon after replicas were ended. */
  thrashed(): void {
    this.#metrics.thrash.series(this.#model).add(1);
  }

  /** A replica that slept on this rung takes requests. */
  awoke(rung: string, wakeMs: number): void {
    this.#metrics.wakes.series(this.#model, rung).observe(wakeMs);
  }

  /** A replica could not be put to sleep on this rung. */
  sleepFailed(rung: string): void {
    this.#metrics.failedSleeps.series(this.#model, rung).add(1);
  }

  /** A replica did not wake in the way of this rung. */
  wakeFailed(rung: string): void {
    this.#metrics.failedWakes.series(this.#model, rung).add(1);
  }

  /** A start failed; `phase` is the last step that it reached, or null. */
  startFailed(phase: string | null): void {
    this.#metrics.failedStarts.series(this.#model, phase ?? 'none').add(1);
  }

  /** So many replicas are to go for another model's sake. */
  evicted(replicas: number): void {
    this.#metrics.evictions.series(this.#model).add(replicas);
  }
}
