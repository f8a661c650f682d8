import type { BackendCall, Contract, ContractModel, Invocation, Outcome } from '../../core/contract.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { FormScanner } from '../form-scan.ts';
import { JsonScanner } from '../json-scan.ts';
import { chatCall, responsesPath } from '../responses/chat-call.ts';
import { isJsonObject, readJsonObject } from '../surface-json.ts';
import { usageOfEvents, usageOfJson } from '../usage.ts';
import type { Answer } from './answer.ts';
import { contentOf, failed, messageOf, objectOf, piecesOf, refusalOf } from './answer.ts';
import { jsonCall, withModel, writtenCall } from './call.ts';
import { textOf } from './text.ts';

/** How far from its end an answer's usage is looked for, in bytes. */
const usageBytes = 64 * 1024;

/**
 * OpenAI's API as vLLM, llama-server, SGLang and TGI serve it. What names no path goes where its fields belong: `messages` to the
 * chat, `prompt` to the completions, `input` to the embeddings, unless the configuration gives a path.
 */
export const openaiContract: Contract = {
  name: 'openai',
  call(invocation, model) {
    const { path, content } = invocation;
    if (path === responsesPath && model.responses === 'chat') return chatCall(invocation, model);
    if (path !== null) return writtenCall({ ...invocation, path }, model);
    return 'input' in content
      ? inputCall(invocation, model, content.input)
      : bodyCall(invocation, model, content.body);
  },
  outcome: outcomeOf,
  piece: pieceOf,
  textOf,
};

function inputCall(invocation: Invocation, model: ContractModel, input: JsonValue): BackendCall {
  if (!isJsonObject(input))
    throw new PilotlightError('invalid_body', 'the input must be an object of an OpenAI request');
  const path = model.path ?? pathFor(input);
  const stream = invocation.isStream || 'stream' in input ? { stream: invocation.isStream } : {};
  return jsonCall(invocation, path, { ...input, model: model.name, ...stream });
}

function bodyCall(invocation: Invocation, model: ContractModel, body: Buffer): BackendCall {
  const { contentType, headers } = invocation;
  const isForm = /^multipart\/form-data\b/i.test(contentType);
  if (isForm && model.path === null) {
    throw new PilotlightError(
      'invalid_body',
      `a form names no route of model ${JSON.stringify(model.name)}: its configuration has to (contract.path)`,
    );
  }
  const path = model.path ?? pathFor(readJsonObject(body));
  const named = withModel(isForm ? new FormScanner(contentType) : new JsonScanner(), body, model.name);
  return {
    method: 'POST',
    path,
    contentType: isForm ? contentType : 'application/json',
    headers,
    body: named.body,
    isStream: named.isStream,
  };
}

function pathFor(fields: JsonObject): string {
  if (fields.messages !== undefined) return '/v1/chat/completions';
  if (fields.prompt !== undefined) return '/v1/completions';
  if (fields.input !== undefined) return '/v1/embeddings';
  throw new PilotlightError(
    'invalid_body',
    'the input of a model of the contract openai needs messages (a chat), prompt (a completion) or input (embeddings)',
  );
}

function outcomeOf(answer: Answer): Outcome {
  const refusal = refusalOf(answer);
  if (refusal !== null) return failed(refusal);
  const tail = answer.body.toString('latin1', Math.max(0, answer.body.length - usageBytes));
  const pieces = piecesOf(answer);
  if (pieces === null) return withUsage(contentOf(answer), usageOfJson(tail));
  const error = pieces.map(objectOf).find((event) => event !== null && isError(event));
  if (error !== undefined) return failed(messageOf(error));
  return withUsage(
    pieces.map(pieceOf).filter((piece) => piece !== null),
    usageOfEvents(tail),
  );
}

/** Usage under the names that Replicate gives to the metrics of language models. */
function withUsage(output: JsonValue, usage: ReturnType<typeof usageOfJson>): Outcome {
  const metrics: Record<string, number> =
    usage === null
      ? {}
      : { input_token_count: usage.promptTokens, output_token_count: usage.completionTokens };
  return { output, error: null, logs: null, metrics };
}

/** An error in a stream: vLLM's `{"error":{...}}`, or the event of the Responses API. */
function isError(event: JsonObject): boolean {
  return (
    event.type === 'error' ||
    (event.error !== undefined && event.error !== null && event.choices === undefined)
  );
}

/** Chunks that carry something: text, a tool's call, why it ended, the usage. Of the events of responses, the deltas. */
function pieceOf(data: string): JsonValue | null {
  const event = objectOf(data);
  if (event === null || isError(event)) return null;
  const { type, choices } = event;
  if (typeof type === 'string' && type.startsWith('response.')) return type.endsWith('.delta') ? event : null;
  if (!Array.isArray(choices) || isJsonObject(event.usage)) return event;
  return choices.some(hasOutput) ? event : null;
}

function hasOutput(choice: JsonValue): boolean {
  if (!isJsonObject(choice)) return false;
  if (typeof choice.finish_reason === 'string') return true;
  if (!isJsonObject(choice.delta)) return choice.text !== '';
  const { role: _role, ...rest } = choice.delta;
  return Object.values(rest).some((value) => value !== null && value !== '');
}
