import type { FlatHeaders } from '../../forward/headers.ts';
import type { MetricHolder } from '../../meter/family.ts';
import type { ModelFeatures } from '../settings.ts';
import { AnswerWatch } from './answer-watch.ts';
import { LoadingEar, type LoadingListener } from './loading-ear.ts';
import { createTokenMetrics } from './token-metrics.ts';

/** What listens to the answers works with. */
export interface AnswerEarsOptions {
  readonly features: Pick<ModelFeatures, 'metrics' | 'loading'>;
  /** Where metrics are registered. */
  readonly holder: MetricHolder;
  readonly readiness: LoadingListener;
  /** How long who has waited longest has waited; 0 when nobody does. */
  oldestWaitMs(): number;
}

/** Makes what listens to one request's answer, from its arrival on. */
export type EarsFactory = (arrivedAtMs: number) => AnswerEars;

/** Null: there is nothing to listen for, and no request pays for it. */
export function createEarsFactory(options: AnswerEarsOptions): EarsFactory | null {
  const { features, holder, readiness, oldestWaitMs } = options;
  const text = features.loading?.text ?? null;
  const metrics = features.metrics ? createTokenMetrics(holder, oldestWaitMs) : null;
  if (text === null && metrics === null) return null;
  return (arrivedAtMs) =>
    new AnswerEars(
      metrics === null ? null : new AnswerWatch(metrics, arrivedAtMs),
      text === null ? null : new LoadingEar(text, readiness),
    );
}

/** Listens to the app's answer to one request: its tokens, and whether the app is loading. */
export class AnswerEars {
  readonly #watch: AnswerWatch | null;
  readonly #loading: LoadingEar | null;

  constructor(watch: AnswerWatch | null, loading: LoadingEar | null) {
    this.#watch = watch;
    this.#loading = loading;
  }

  /** It has its slot. */
  onGranted(nowMs: number): void {
    this.#watch?.onGranted(nowMs);
  }

  onHead(status: number, fields: FlatHeaders): void {
    this.#watch?.onHead(status, fields);
    this.#loading?.onHead(status);
  }

  /** Bytes of the body, without framing; they may change afterwards. */
  onBytes(bytes: Buffer, nowMs: number): void {
    this.#watch?.onBytes(bytes, nowMs);
    this.#loading?.onBytes(bytes);
  }

  /** The answer was passed on as a whole. */
  onAnswered(): void {
    this.#watch?.onAnswered();
  }
}
