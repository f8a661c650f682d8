import type { Registry } from 'prom-client';
import { createCounterFamily, createDurationFamily, type FamilySpec } from './family.ts';

/** Upper bounds in seconds: from the quick answers of small models to the slow ones of large models. */
const requestBoundsS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];
const gapBoundsS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30, 60];
const startBoundsS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800];

/** The metrics that are told of requests and starts, by model. */
export type RequestMetrics = ReturnType<typeof createRequestMetrics>;

/** `hasModel`: the series of other models are not printed. */
export function createRequestMetrics(registry: Registry, hasModel: (model: string) => boolean) {
  const isShown = ({ model = '' }: { readonly model?: string }) => model === '' || hasModel(model);
  return {
    ...createCounts(registry, isShown),
    ...createDurations(registry, isShown),
    ...createTokenCounts(registry, isShown),
  };
}

type IsShown = NonNullable<FamilySpec['isShown']>;

function createCounts(registry: Registry, isShown: IsShown) {
  const counter = (name: string, labelNames: string[], help: string) =>
    createCounterFamily(registry, { name, help, labelNames, isShown });
  return {
    requests: counter(
      'pilotlight_requests_total',
      ['model', 'outcome'],
      'Requests that ended, by outcome: answered (whatever its status), gone (the client left), or the code of the error; model is empty where it ended before a configured one was known.',
    ),
    surfaceRequests: counter(
      'pilotlight_surface_requests_total',
      ['surface', 'outcome'],
      "Requests to platforms' APIs that ended, by outcome: answered (whatever its status), gone (the client left), or the code of the error.",
    ),
    clientAborts: counter(
      'pilotlight_client_aborts_total',
      ['model', 'phase'],
      'Requests whose client left, by phase: before_answer, during_answer.',
    ),
    retries: counter(
      'pilotlight_retries_total',
      ['model'],
      'Attempts at a replica that were made again because it had processed nothing.',
    ),
    evictions: counter(
      'pilotlight_evictions_total',
      ['model'],
      'Replicas that were ended so that another model had room.',
    ),
    failedStarts: counter(
      'pilotlight_failed_starts_total',
      ['model', 'phase'],
      'Starts that failed, by the last step that was reached; none before the first.',
    ),
    failedSleeps: counter(
      'pilotlight_failed_sleeps_total',
      ['model', 'rung'],
      'Replicas that could not be put to sleep, by the rung of scale.ladder.',
    ),
    failedWakes: counter(
      'pilotlight_failed_wakes_total',
      ['model', 'rung'],
      'Ways of waking that failed, by the rung of scale.ladder whose way it was; another way is tried, or a start.',
    ),
    thrash: counter(
      'pilotlight_thrash_total',
      ['model'],
      'Starts soon (scale.thrashWindow) after replicas were ended: the idle time is too short for what comes.',
    ),
  };
}

function createDurations(registry: Registry, isShown: IsShown) {
  const durations = (name: string, labelNames: string[], boundsS: readonly number[], help: string) =>
    createDurationFamily(registry, { name, help, labelNames, isShown }, boundsS);
  return {
    wait: durations(
      'pilotlight_wait_seconds',
      ['model'],
      requestBoundsS,
      'Time in the queue while the model was ready; 0 for a request that did not wait.',
    ),
    coldWait: durations(
      'pilotlight_cold_wait_seconds',
      ['model'],
      startBoundsS,
      'Time in the queue while the model was not ready, of the requests that waited for it.',
    ),
    firstByte: durations(
      'pilotlight_first_byte_seconds',
      ['model'],
      requestBoundsS,
      'From the arrival of a request to the head of its answer.',
    ),
    firstToken: durations(
      'pilotlight_first_token_seconds',
      ['model'],
      requestBoundsS,
      'From the arrival of a request to the first part of its streamed answer, without the time in which the model was not ready.',
    ),
    duration: durations(
      'pilotlight_request_seconds',
      ['model'],
      requestBoundsS,
      'From the arrival of a request to its end.',
    ),
    surfaceDuration: durations(
      'pilotlight_surface_request_seconds',
      ['surface'],
      requestBoundsS,
      "From the arrival of a request to a platform's API to its end.",
    ),
    gap: durations(
      'pilotlight_chunk_gap_seconds',
      ['model'],
      gapBoundsS,
      'Time between two chunks of a streamed answer.',
    ),
    starts: durations(
      'pilotlight_cold_start_seconds',
      ['model'],
      startBoundsS,
      'Starts that became ready: from being asked for to taking requests.',
    ),
    wakes: durations(
      'pilotlight_wake_seconds',
      ['model', 'rung'],
      startBoundsS,
      'Replicas that were woken: from being asked for to taking requests, by the rung of scale.ladder.',
    ),
    startPhases: durations(
      'pilotlight_cold_start_phase_seconds',
      ['model', 'phase'],
      startBoundsS,
      'Starts that became ready, by step: the time up to it from the step before.',
    ),
  };
}

function createTokenCounts(registry: Registry, isShown: IsShown) {
  const counter = (name: string, help: string) =>
    createCounterFamily(registry, { name, help, labelNames: ['model'], isShown });
  return {
    promptTokens: counter(
      'pilotlight_prompt_tokens_total',
      'Tokens in, of the answers that tell their usage.',
    ),
    cachedTokens: counter(
      'pilotlight_cached_prompt_tokens_total',
      'Those of the tokens in that the backend had in a cache.',
    ),
    completionTokens: counter(
      'pilotlight_completion_tokens_total',
      'Tokens out, of the answers that tell their usage.',
    ),
  };
}
