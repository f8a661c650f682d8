import {
  createCounterFamily,
  createDurationFamily,
  createHistogramFamily,
  type MetricHolder,
} from '../../meter/family.ts';
import { registerGauge } from '../../meter/read-gauge.ts';

/** Upper bounds in seconds, as the gateway's: from the quick answers of small models to the slow ones of large models. */
const requestBoundsS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];
const gapBoundsS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Tokens in a second of one answer: from a large model that is full to a small one that is not. */
const rateBounds = [1, 2.5, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000];

/** The series of a sidecar's answers; without labels, since a sidecar has one app. */
export type TokenMetrics = ReturnType<typeof createTokenMetrics>;

/** `oldestWaitMs`: how long who has waited longest has waited; 0 when nobody does. */
export function createTokenMetrics(holder: MetricHolder, oldestWaitMs: () => number) {
  registerGauge(
    holder,
    {
      name: 'pilotlight_queue_oldest_seconds',
      help: 'How long the oldest of the waiting requests has waited; 0 when none waits.',
    },
    () => oldestWaitMs() / 1000,
  );
  const counter = (name: string, help: string) =>
    createCounterFamily(holder, { name, help, labelNames: [] }).series();
  const durations = (name: string, boundsS: readonly number[], help: string) =>
    createDurationFamily(holder, { name, help, labelNames: [] }, boundsS).series();
  return {
    wait: durations(
      'pilotlight_wait_seconds',
      requestBoundsS,
      'Time in the queue; 0 for a request that did not wait.',
    ),
    firstToken: durations(
      'pilotlight_first_token_seconds',
      requestBoundsS,
      'From the arrival of a request to the first part of its streamed answer.',
    ),
    gap: durations(
      'pilotlight_chunk_gap_seconds',
      gapBoundsS,
      'Time between two chunks of a streamed answer.',
    ),
    rate: createHistogramFamily(
      holder,
      {
        name: 'pilotlight_tokens_per_second',
        help: 'Tokens per second of streamed answers, from the first one on; where an answer does not tell its usage, by its events.',
        labelNames: [],
      },
      { bounds: rateBounds, perUnit: 1 },
    ).series(),
    promptTokens: counter(
      'pilotlight_prompt_tokens_total',
      'Tokens in, of the answers that tell their usage.',
    ),
    cachedTokens: counter(
      'pilotlight_cached_prompt_tokens_total',
      'Those of the tokens in that the app had in a cache.',
    ),
    completionTokens: counter(
      'pilotlight_completion_tokens_total',
      'Tokens out, of the answers that tell their usage.',
    ),
  };
}
