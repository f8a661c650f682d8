import { type AnswerTail, answerTailOf } from '../../forward/answer-tail.ts';
import type { FlatHeaders } from '../../forward/headers.ts';
import { usageOf } from '../../protocols/usage.ts';
import { fieldOf } from '../../relay/traffic.ts';
import { EventCount } from './event-count.ts';
import type { TokenMetrics } from './token-metrics.ts';

/** Measures one answer of the app as it passes: the first token, gaps, tokens and their rate. */
export class AnswerWatch {
  readonly #metrics: TokenMetrics;
  readonly #arrivedAtMs: number;
  #tail: AnswerTail | null = null;
  /** Null: it is no stream of events. */
  #events: EventCount | null = null;
  #firstAtMs = -1;
  #lastAtMs = -1;

  constructor(metrics: TokenMetrics, arrivedAtMs: number) {
    this.#metrics = metrics;
    this.#arrivedAtMs = arrivedAtMs;
  }

  /** It has its slot. */
  onGranted(nowMs: number): void {
    this.#metrics.wait.observe(nowMs - this.#arrivedAtMs);
  }

  onHead(status: number, fields: FlatHeaders): void {
    const contentType = (fieldOf(fields, 'content-type') ?? '').toLowerCase();
    const isEncoded = fieldOf(fields, 'content-encoding') !== undefined;
    this.#tail = answerTailOf({ status, isEncoded, contentType });
    if (this.#tail?.kind === 'sse') this.#events = new EventCount();
  }

  /** Bytes of the body, without framing; they may change afterwards. */
  onBytes(bytes: Buffer, nowMs: number): void {
    const tail = this.#tail;
    if (tail === null) return;
    const text = bytes.toString('latin1');
    tail.push(text);
    if (this.#events === null) return;
    this.#events.push(text);
    if (this.#firstAtMs < 0) {
      if (this.#events.count === 0) return; // Comments are no tokens.
      this.#firstAtMs = nowMs;
      this.#metrics.firstToken.observe(nowMs - this.#arrivedAtMs);
    } else this.#metrics.gap.observe(nowMs - this.#lastAtMs);
    this.#lastAtMs = nowMs;
  }

  /** The answer was passed on as a whole. What breaks off tells no usage and has no rate. */
  onAnswered(): void {
    const usage = usageOf(this.#tail);
    if (usage !== null) {
      this.#metrics.promptTokens.add(usage.promptTokens);
      this.#metrics.cachedTokens.add(usage.cachedTokens);
      this.#metrics.completionTokens.add(usage.completionTokens);
    }
    if (this.#events === null || this.#firstAtMs < 0) return;
    const tokens = usage?.completionTokens || this.#events.count;
    const tookMs = this.#lastAtMs - this.#firstAtMs;
    if (tokens > 1 && tookMs > 0) this.#metrics.rate.observe(((tokens - 1) * 1000) / tookMs);
  }
}
