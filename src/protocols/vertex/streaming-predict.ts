import type { Desk, DeskAnswer, DeskModel } from '../../core/desk.ts';
import { PilotlightError, toPilotlightError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { DataSplitter, pieceKindOf } from '../data-splitter.ts';
import { inputInvocation, predictInput } from '../predict.ts';
import { readAnswer } from '../read-whole.ts';
import { readJsonObject, sseEvent, sseHeaders } from '../surface-json.ts';
import { renderStatus, vertexDialect } from './dialect.ts';
import { plainOf, tensorOf } from './tensor.ts';

const maxAnswerBytes = 64 * 1024 * 1024;

/**
 * `:serverStreamingPredict`: tensors in, a stream of `{outputs}` back, as an array in JSON or, with `?alt=sse`, as events. The text
 * of a language model is `{structVal: {content}}`, as Google's own answer it.
 */
export async function streamingPredict(
  request: SurfaceRequest,
  desk: Desk,
  { model, runMs }: { readonly model: DeskModel; readonly runMs?: number },
): Promise<SurfaceReply> {
  const { caller, query } = request;
  const input = predictInput(model, instancesOf(readJsonObject(request.body)));
  const invocation = inputInvocation(input, { id: caller.requestId, isStream: true });
  const asked = { model: model.name, invocation, caller, patienceMs: null, priority: 1 } as const;
  const answer = await desk.ask({ ...asked, ...(runMs === undefined ? {} : { runMs }) });
  if (answer.status >= 400) return refused(answer, model);
  const outputs = outputsOf(answer, model);
  if (query.get('alt') === 'sse') return { status: 200, headers: sseHeaders, body: asEvents(outputs) };
  return { status: 200, headers: { 'content-type': 'application/json' }, body: asArray(outputs) };
}

function instancesOf({ inputs, parameters }: JsonObject): JsonObject {
  if (!Array.isArray(inputs)) {
    throw new PilotlightError('bad_request', 'inputs must be a list of tensors', { param: 'inputs' });
  }
  const instances = inputs.map(plainOf);
  return parameters === undefined ? { instances } : { instances, parameters: plainOf(parameters) };
}

async function refused({ status, contentType, body }: DeskAnswer, model: DeskModel): Promise<SurfaceReply> {
  const answer = { status, contentType, body: await readAnswer(body, maxAnswerBytes) };
  const message = model.contract.outcome(answer).error ?? `the backend answered ${status}`;
  return { status, headers: { 'content-type': 'application/json' }, body: renderStatus(status, message) };
}

async function* outputsOf(
  { status, contentType, body }: DeskAnswer,
  model: DeskModel,
): AsyncIterable<JsonObject> {
  const { contract } = model;
  if (pieceKindOf(contentType) === 'none') {
    const whole = await readAnswer(body, maxAnswerBytes);
    const { output, error } = contract.outcome({ status, contentType, body: whole });
    if (error !== null) throw new PilotlightError('backend_error', error);
    yield* outputOf(output, model);
    return;
  }
  const splitter = new DataSplitter(contentType);
  for await (const chunk of body) yield* piecesOf(splitter.push(chunk), model);
  yield* piecesOf(splitter.end(), model);
}

function* piecesOf(data: readonly string[], model: DeskModel): Iterable<JsonObject> {
  for (const item of data) {
    const piece = model.contract.piece(item);
    if (piece !== null) yield* outputOf(piece, model);
  }
}

/** Chunks of OpenAI's without text (why it ended, the usage) are no output here. */
function* outputOf(piece: JsonValue, { contract }: DeskModel): Iterable<JsonObject> {
  const text = contract.textOf(piece);
  if (text === '') return;
  if (text !== null) yield { outputs: [tensorOf({ content: text })] };
  else if (contract.name !== 'openai') yield { outputs: [tensorOf(piece)] };
}

/** An error is the last element, which is how Google's servers tell of one in an array that was begun. */
async function* asArray(outputs: AsyncIterable<JsonObject>): AsyncIterable<string> {
  let before = '[';
  try {
    for await (const output of outputs) {
      yield `${before}${JSON.stringify(output)}`;
      before = ',\n';
    }
  } catch (error) {
    yield `${before}${vertexDialect.renderError(toPilotlightError(error))}`;
    before = ',\n';
  }
  yield before === '[' ? '[]' : ']';
}

async function* asEvents(outputs: AsyncIterable<JsonObject>): AsyncIterable<string> {
  for await (const output of outputs) yield sseEvent({ data: JSON.stringify(output) });
}
