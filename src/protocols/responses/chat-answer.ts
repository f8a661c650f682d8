import type { JsonObject, JsonValue } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';
import {
  callItem,
  endOf,
  itemId,
  messageItem,
  reasoningItem,
  refusalPart,
  responseObject,
  textPart,
  usageOf,
} from './response-object.ts';

/** The response that a whole chat completion stands for; null: it is none. `responseId`: the id it is to have. */
export function responseOfChat(
  request: JsonObject,
  completion: JsonObject,
  responseId: string,
): JsonObject | null {
  const choice = Array.isArray(completion.choices) ? completion.choices[0] : undefined;
  if (!isJsonObject(choice) || !isJsonObject(choice.message)) return null;
  const end = endOf(choice.finish_reason);
  const status = end.status === 'completed' ? 'completed' : 'incomplete';
  const output = outputOf(choice, responseId, status);
  const createdAt = typeof completion.created === 'number' ? completion.created : 0;
  const response = responseObject(request, { id: responseId, createdAt, status, output });
  return { ...response, ...end, usage: usageOf(completion.usage) };
}

/** What reasoning a message (or a piece of one) has: vLLM, SGLang and llama-server say it in one of these fields. */
export function reasoningOf(message: JsonObject): string {
  const { reasoning_content: content, reasoning } = message;
  if (typeof content === 'string') return content;
  return typeof reasoning === 'string' ? reasoning : '';
}

/** The tokens of a choice with their probabilities, which both APIs write in the same way. */
export function logprobsOf(choice: JsonObject): readonly JsonValue[] {
  const { logprobs } = choice;
  return isJsonObject(logprobs) && Array.isArray(logprobs.content) ? logprobs.content : [];
}

function outputOf(choice: JsonObject, responseId: string, status: string): JsonObject[] {
  const message = choice.message as JsonObject;
  const output: JsonObject[] = [];
  const reasoning = reasoningOf(message);
  if (reasoning !== '') output.push(reasoningItem(itemId('rs', responseId, 0), reasoning, status));
  const parts: JsonObject[] = [];
  if (typeof message.content === 'string' && message.content !== '') {
    parts.push(textPart(message.content, logprobsOf(choice)));
  }
  if (typeof message.refusal === 'string' && message.refusal !== '') parts.push(refusalPart(message.refusal));
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls.filter(isJsonObject) : [];
  // An answer without anything is an empty message: a client finds its text where it looks for it.
  if (parts.length === 0 && calls.length === 0) parts.push(textPart(''));
  if (parts.length > 0) output.push(messageItem(itemId('msg', responseId, output.length), parts, status));
  for (const call of calls) {
    const id = itemId('fc', responseId, output.length);
    output.push(callItem(id, functionCallOf(call, id), status));
  }
  return output;
}

function functionCallOf(call: JsonObject, id: string): { callId: string; name: string; arguments: string } {
  const { name, arguments: args } = isJsonObject(call.function) ? call.function : {};
  return {
    callId: typeof call.id === 'string' ? call.id : `call_${id}`,
    name: typeof name === 'string' ? name : '',
    arguments: typeof args === 'string' ? args : JSON.stringify(args ?? {}),
  };
}
