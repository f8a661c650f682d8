import type { Invocation, Outcome } from '../core/contract.ts';
import type { Desk, DeskModel } from '../core/desk.ts';
import { PilotlightError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { SurfaceRequest } from '../core/surface.ts';
import { readAnswer } from './read-whole.ts';
import { isJsonObject } from './surface-json.ts';

/** An answer of predictions is parsed and written anew. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** What came of a prediction. */
export interface Predicted extends Outcome {
  /** Of the backend's answer. */
  readonly status: number;
  /** One for each instance; empty where there is an error. */
  readonly predictions: readonly JsonValue[];
  /** `metadata` of the backend's answer, where it has one. */
  readonly metadata: JsonValue | undefined;
}

/**
 * Asks a model for `{instances, parameters}` (Vertex AI's predict, KServe's first protocol). Backends whose contract takes lists get
 * it as it is, others one instance at a time, with the parameters as fields beside its own. Throws bad_request.
 */
export async function predict(
  { caller }: SurfaceRequest,
  desk: Desk,
  {
    model,
    fields,
    runMs,
  }: { readonly model: DeskModel; readonly fields: JsonObject; readonly runMs?: number },
): Promise<Predicted> {
  const input = predictInput(model, fields);
  const invocation = inputInvocation(input, { id: caller.requestId, isStream: false });
  const bound = runMs === undefined ? {} : { runMs };
  const asked = { model: model.name, invocation, caller, patienceMs: null, priority: 1 } as const;
  const { status, contentType, body: bytes } = await desk.ask({ ...asked, ...bound });
  const body = await readAnswer(bytes, maxAnswerBytes);
  const outcome = model.contract.outcome({ status, contentType, body });
  const { output, error } = outcome;
  if (error !== null) return { ...outcome, status, predictions: [], metadata: undefined };
  const predictions = takesLists(model) && Array.isArray(output) ? output : [output];
  return { ...outcome, status, predictions, metadata: metadataOf(body) };
}

/** The invocation of an input in JSON, where the model's contract takes calls. */
export function inputInvocation(
  input: JsonValue,
  { id, isStream }: { readonly id: string; readonly isStream: boolean },
): Invocation {
  const common = { path: null, method: 'POST', contentType: 'application/json', headers: {} };
  return { ...common, content: { input }, isStream, id };
}

/** What a model's contract is given for `{instances, parameters}`. Throws bad_request. */
export function predictInput(model: DeskModel, { instances, parameters }: JsonObject): JsonValue {
  if (!Array.isArray(instances)) {
    throw new PilotlightError('bad_request', 'instances must be a list', { param: 'instances' });
  }
  const hasParameters = parameters !== undefined && parameters !== null;
  if (takesLists(model)) return hasParameters ? { instances, parameters } : { instances };
  if (instances.length !== 1) {
    const message = `model ${JSON.stringify(model.name)} (contract ${model.contract.name}) takes one instance at a time, not ${instances.length}`;
    throw new PilotlightError('bad_request', message, { param: 'instances' });
  }
  const [instance] = instances as [JsonValue];
  return isJsonObject(instance) && isJsonObject(parameters) ? { ...parameters, ...instance } : instance;
}

function takesLists({ contract }: DeskModel): boolean {
  return contract.name === 'vertex' || contract.name === 'kserve';
}

function metadataOf(body: Buffer): JsonValue | undefined {
  if (!body.includes('"metadata"')) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(value) ? value.metadata : undefined;
  } catch {
    // An answer that is no JSON is a prediction as it is.
    return undefined;
  }
}
