import type { Contract, Outcome } from '../../core/contract.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';
import type { Answer } from './answer.ts';
import { contentOf, failed, messageOf, objectOf, piecesOf, plainOutcome, refusalOf } from './answer.ts';
import { callOf, writtenCall } from './call.ts';
import { textOf } from './text.ts';

/**
 * A container built by Cog: POST /predictions takes `{id, input}` and answers with the prediction, or with events where they are
 * asked for by `accept` (https://github.com/replicate/cog/blob/main/docs/http.md). A model whose function is not marked `@streaming`
 * answers 406 to that, and 409 when all its slots are taken.
 */
export const cogContract: Contract = {
  name: 'cog',
  hasVerdictInBody: true,
  call(invocation, model) {
    const { path, id, isStream } = invocation;
    if (path !== null) return writtenCall({ ...invocation, path }, model);
    const call = callOf(invocation, model.path ?? '/predictions', (input) => ({ id, input }));
    return isStream ? { ...call, headers: { ...call.headers, accept: 'text/event-stream' } } : call;
  },
  outcome: outcomeOf,
  piece(data) {
    // Besides `output` there are start and completed (a prediction), log and metric: none of them has a chunk.
    return objectOf(data)?.chunk ?? null;
  },
  textOf,
};

function outcomeOf(answer: Answer): Outcome {
  const refusal = refusalOf(answer);
  if (refusal !== null) return failed(refusal);
  const pieces = piecesOf(answer);
  if (pieces === null) {
    const value = contentOf(answer);
    return isJsonObject(value) && typeof value.status === 'string'
      ? ofPrediction(value, value.logs)
      : plainOutcome(answer);
  }
  const events = pieces.map(objectOf).filter((event) => event !== null);
  const last = events.findLast(({ status }) => typeof status === 'string' && status !== 'processing');
  if (last === undefined) return failed('the stream of the backend ended before its prediction');
  return ofPrediction(last, logsOf(events));
}

function ofPrediction(prediction: JsonObject, logs: JsonValue | undefined): Outcome {
  const { status, output = null, error, metrics } = prediction;
  const isDone = status === 'succeeded';
  return {
    output: isDone ? output : null,
    error: isDone ? null : wordsOf(error, status),
    logs: typeof logs === 'string' && logs !== '' ? logs : null,
    metrics: isJsonObject(metrics) ? numbersOf(metrics) : {},
  };
}

function wordsOf(error: JsonValue | undefined, status: JsonValue | undefined): string {
  return error === undefined || error === null || error === ''
    ? `the prediction ended as ${String(status)}`
    : messageOf(error);
}

function logsOf(events: readonly JsonObject[]): string {
  return events
    .filter(({ source, data }) => typeof source === 'string' && typeof data === 'string')
    .map(({ data }) => data as string)
    .join('');
}

/** Those of its members that are numbers. */
export function numbersOf(metrics: JsonObject): Record<string, number> {
  const numbers = Object.entries(metrics).filter(([, value]) => typeof value === 'number');
  return Object.fromEntries(numbers) as Record<string, number>;
}
