import type { JsonObject, JsonValue } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';
import { logprobsOf, reasoningOf } from './chat-answer.ts';
import { EventWriter } from './event-writer.ts';
import { endOf, responseObject, usageOf } from './response-object.ts';

/**
 * Turns the chunks of a chat completion into the events of a response: the data of each, which has the event's type in it.
 * Numbers them from 0.
 */
export class ChatStream {
  readonly #request: JsonObject;
  readonly #responseId: string;
  readonly #writer: EventWriter;
  #createdAt = 0;
  #hasBegun = false;
  #hasEnded = false;
  #finishReason: JsonValue = null;
  #usage: JsonObject | null = null;

  constructor(request: JsonObject, responseId: string) {
    this.#request = request;
    this.#responseId = responseId;
    this.#writer = new EventWriter(responseId);
  }

  /** Takes the data of one event of the backend, `[DONE]` too. */
  push(data: string): readonly string[] {
    if (this.#hasEnded) return [];
    if (data.trim() === '[DONE]') this.#end();
    else {
      const chunk = parse(data);
      if (isJsonObject(chunk)) this.#chunk(chunk);
    }
    return this.#writer.take();
  }

  #chunk(chunk: JsonObject): void {
    if (isJsonObject(chunk.error)) {
      this.#fail(chunk.error);
      return;
    }
    if (!this.#hasBegun) this.#begin(chunk);
    if (isJsonObject(chunk.usage)) this.#usage = usageOf(chunk.usage);
    const choice = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
    if (!isJsonObject(choice)) return;
    if (isJsonObject(choice.delta)) this.#delta(choice.delta, logprobsOf(choice));
    if (typeof choice.finish_reason === 'string') this.#finishReason = choice.finish_reason;
  }

  #begin(chunk: JsonObject): void {
    this.#hasBegun = true;
    if (typeof chunk.created === 'number') this.#createdAt = chunk.created;
    this.#writer.emit('response.created', { response: this.#response('in_progress') });
    this.#writer.emit('response.in_progress', { response: this.#response('in_progress') });
  }

  #delta(delta: JsonObject, logprobs: readonly JsonValue[]): void {
    const reasoning = reasoningOf(delta);
    if (reasoning !== '') this.#writer.write('reasoning', reasoning);
    const { content, refusal, tool_calls: calls } = delta;
    if (typeof content === 'string' && content !== '') this.#writer.write('text', content, logprobs);
    if (typeof refusal === 'string' && refusal !== '') this.#writer.write('refusal', refusal);
    for (const call of Array.isArray(calls) ? calls : []) if (isJsonObject(call)) this.#call(call);
  }

  #call(call: JsonObject): void {
    const named = isJsonObject(call.function) ? call.function : {};
    this.#writer.call(typeof call.index === 'number' ? call.index : 0, {
      ...(typeof call.id === 'string' ? { callId: call.id } : {}),
      ...(typeof named.name === 'string' ? { name: named.name } : {}),
      ...(typeof named.arguments === 'string' ? { arguments: named.arguments } : {}),
    });
  }

  #end(): void {
    if (!this.#hasBegun) this.#begin({});
    this.#hasEnded = true;
    const end = endOf(this.#finishReason);
    const status = end.status === 'completed' ? 'completed' : 'incomplete';
    this.#writer.finish(status);
    const response = { ...this.#response(status), ...end, usage: this.#usage };
    this.#writer.emit(`response.${status}`, { response });
  }

  /** The backend says in the middle of the stream that it cannot go on. */
  #fail({ message, code }: JsonObject): void {
    if (!this.#hasBegun) this.#begin({});
    this.#hasEnded = true;
    const error = { code: typeof code === 'string' ? code : 'server_error', message: message ?? '' };
    this.#writer.emit('response.failed', { response: { ...this.#response('failed'), error } });
  }

  #response(status: string): JsonObject {
    const frame = { id: this.#responseId, createdAt: this.#createdAt, status };
    return responseObject(this.#request, { ...frame, output: [...this.#writer.output] });
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
