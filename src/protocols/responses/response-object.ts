import type { JsonObject, JsonValue } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';

/** What a response has of its own, besides what was asked for. */
export interface ResponseFrame {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly status: string;
  readonly output: readonly JsonObject[];
}

/** The response object of a request, with what the request says of itself and OpenAI's defaults for the rest. */
export function responseObject(request: JsonObject, frame: ResponseFrame): JsonObject {
  const asked = (name: string, otherwise: JsonValue = null): JsonValue => request[name] ?? otherwise;
  return {
    id: frame.id,
    object: 'response',
    created_at: frame.createdAt,
    status: frame.status,
    background: asked('background', false),
    error: null,
    incomplete_details: null,
    instructions: asked('instructions'),
    max_output_tokens: asked('max_output_tokens'),
    max_tool_calls: asked('max_tool_calls'),
    model: asked('model'),
    output: frame.output,
    parallel_tool_calls: asked('parallel_tool_calls', true),
    previous_response_id: asked('previous_response_id'),
    prompt_cache_key: asked('prompt_cache_key'),
    reasoning: asked('reasoning', { effort: null, summary: null }),
    safety_identifier: asked('safety_identifier'),
    service_tier: asked('service_tier', 'default'),
    store: asked('store', true),
    temperature: asked('temperature', 1),
    text: { format: { type: 'text' }, ...(isJsonObject(request.text) ? request.text : {}) },
    tool_choice: asked('tool_choice', 'auto'),
    tools: asked('tools', []),
    top_logprobs: asked('top_logprobs', 0),
    top_p: asked('top_p', 1),
    truncation: asked('truncation', 'disabled'),
    usage: null,
    user: asked('user'),
    metadata: asked('metadata', {}),
  };
}

/** How a chat's reason to end reads as the end of a response. */
export function endOf(finishReason: unknown): JsonObject {
  if (finishReason === 'length') {
    return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
  }
  if (finishReason === 'content_filter') {
    return { status: 'incomplete', incomplete_details: { reason: 'content_filter' } };
  }
  return { status: 'completed' };
}

/** A chat's usage as a response tells it; null: there is none. */
export function usageOf(usage: unknown): JsonObject | null {
  if (!isJsonObject(usage)) return null;
  const count = (holder: JsonValue | undefined, name: string): number => {
    const value = isJsonObject(holder) ? holder[name] : undefined;
    return typeof value === 'number' ? value : 0;
  };
  const input = count(usage, 'prompt_tokens');
  const output = count(usage, 'completion_tokens');
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: count(usage.prompt_tokens_details, 'cached_tokens') },
    output_tokens: output,
    output_tokens_details: {
      reasoning_tokens: count(usage.completion_tokens_details, 'reasoning_tokens'),
    },
    total_tokens: count(usage, 'total_tokens') || input + output,
  };
}

/** Ids of a response's items: they follow from the response's, so that an answer is the same however often it is mapped. */
export function itemId(prefix: 'msg' | 'rs' | 'fc', responseId: string, index: number): string {
  return `${prefix}_${responseId.replace(/^resp_/, '')}_${index}`;
}

export function reasoningItem(id: string, text: string, status: string): JsonObject {
  return { id, type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text }], status };
}

export function messageItem(id: string, content: readonly JsonObject[], status: string): JsonObject {
  return { id, type: 'message', role: 'assistant', status, content };
}

export function textPart(text: string, logprobs: readonly JsonValue[] = []): JsonObject {
  return { type: 'output_text', text, annotations: [], logprobs };
}

export function refusalPart(refusal: string): JsonObject {
  return { type: 'refusal', refusal };
}

/** A call of a function. */
export interface FunctionCall {
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
}

export function callItem(id: string, call: FunctionCall, status: string): JsonObject {
  return {
    id,
    type: 'function_call',
    call_id: call.callId,
    name: call.name,
    arguments: call.arguments,
    status,
  };
}
