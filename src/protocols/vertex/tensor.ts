import { PilotlightError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';

/** Lists of scalars, in both spellings that proto3's JSON takes. */
const scalarLists = [
  ['stringVal', 'string_val'],
  ['boolVal', 'bool_val'],
  ['intVal', 'int_val'],
  ['int64Val', 'int64_val'],
  ['uintVal', 'uint_val'],
  ['uint64Val', 'uint64_val'],
  ['floatVal', 'float_val'],
  ['doubleVal', 'double_val'],
  ['bytesVal', 'bytes_val'],
] as const;

/**
 * What a Tensor of Vertex AI says in plain JSON (https://cloud.google.com/vertex-ai/docs/reference/rest/v1/Tensor): structs are
 * objects, lists are lists, and a list of one scalar without a shape is that scalar. Throws bad_request.
 */
export function plainOf(tensor: JsonValue): JsonValue {
  if (!isJsonObject(tensor)) throw new PilotlightError('bad_request', 'a tensor must be an object');
  const struct = tensor.structVal ?? tensor.struct_val;
  if (isJsonObject(struct)) {
    return Object.fromEntries(Object.entries(struct).map(([name, member]) => [name, plainOf(member)]));
  }
  const list = tensor.listVal ?? tensor.list_val;
  if (Array.isArray(list)) return list.map(plainOf);
  return scalarsOf(tensor);
}

function scalarsOf(tensor: JsonObject): JsonValue {
  for (const [name, other] of scalarLists) {
    const values = tensor[name] ?? tensor[other];
    if (!Array.isArray(values)) continue;
    const isScalar = values.length === 1 && (tensor.shape === undefined || isEmpty(tensor.shape));
    return isScalar ? values[0] : values;
  }
  if (tensor.tensorVal !== undefined || tensor.tensor_val !== undefined) {
    throw new PilotlightError('not_emulated', 'tensorVal, a serialized tensor, is not read: send its values');
  }
  return null;
}

function isEmpty(shape: JsonValue): boolean {
  return Array.isArray(shape) && shape.length === 0;
}

/** The Tensor that plain JSON is. */
export function tensorOf(value: JsonValue): JsonObject {
  if (typeof value === 'string') return { stringVal: [value] };
  if (typeof value === 'boolean') return { boolVal: [value] };
  if (typeof value === 'number') return { doubleVal: [value] };
  if (Array.isArray(value)) return { listVal: value.map(tensorOf) };
  if (!isJsonObject(value)) return {};
  return {
    structVal: Object.fromEntries(Object.entries(value).map(([name, member]) => [name, tensorOf(member)])),
  };
}
