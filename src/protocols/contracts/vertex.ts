import type { Contract, Outcome } from '../../core/contract.ts';
import type { JsonValue } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';
import type { Answer } from './answer.ts';
import { plainOutcome, plainPiece } from './answer.ts';
import { callOf, writtenCall } from './call.ts';
import { textOf } from './text.ts';

/**
 * A custom container of Vertex AI: its predict route takes `{instances, parameters}` and answers `{predictions}`
 * (https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements). The output is the list of predictions.
 */
export const vertexContract: Contract = {
  name: 'vertex',
  call(invocation, model) {
    const { path } = invocation;
    if (path !== null) return writtenCall({ ...invocation, path }, model);
    return callOf(invocation, model.path ?? '/predict', asInstances);
  },
  outcome: predictionsOf,
  piece: plainPiece,
  textOf,
};

/** An input that is no list of instances is the only one of a list. */
export function asInstances(input: JsonValue): JsonValue {
  return isJsonObject(input) && Array.isArray(input.instances) ? input : { instances: [input] };
}

/** The outcome of backends that answer `{predictions}`; another answer is the output as it is. */
export function predictionsOf(answer: Answer): Outcome {
  const outcome = plainOutcome(answer);
  const { output } = outcome;
  return isJsonObject(output) && output.predictions !== undefined
    ? { ...outcome, output: output.predictions }
    : outcome;
}
