import type { Contract } from '../../core/contract.ts';
import type { JsonValue } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';
import { plainPiece } from './answer.ts';
import { callOf, writtenCall } from './call.ts';
import { textOf } from './text.ts';
import { asInstances, predictionsOf } from './vertex.ts';

/**
 * KServe's servers, TensorFlow Serving and Triton: v1 (`{instances}` to /v1/models/X:predict), or v2 of the Open Inference
 * Protocol where the input is a list of tensors (`{inputs: [{name, shape, datatype, data}]}` to /v2/models/X/infer). The output is
 * the list of predictions, or v2's whole answer.
 */
export const kserveContract: Contract = {
  name: 'kserve',
  call(invocation, model) {
    const { path, content } = invocation;
    if (path !== null) return writtenCall({ ...invocation, path }, model);
    const name = encodeURIComponent(model.name);
    if (model.path === null && 'input' in content && isTensors(content.input)) {
      return callOf(invocation, `/v2/models/${name}/infer`, (input) => input);
    }
    return callOf(invocation, model.path ?? `/v1/models/${name}:predict`, asInstances);
  },
  outcome: predictionsOf,
  piece: plainPiece,
  textOf,
};

function isTensors(input: JsonValue): boolean {
  if (!isJsonObject(input) || !Array.isArray(input.inputs)) return false;
  return input.inputs.every((tensor) => isJsonObject(tensor) && typeof tensor.datatype === 'string');
}
