import type { JsonObject, JsonValue } from '../../core/json.ts';
import {
  callItem,
  type FunctionCall,
  itemId,
  messageItem,
  reasoningItem,
  refusalPart,
  textPart,
} from './response-object.ts';

/** What a model writes: each kind has a part of its own, and reasoning an item of its own. */
export type TextKind = 'reasoning' | 'text' | 'refusal';

/** The part that is being written. */
interface OpenPart {
  readonly kind: TextKind;
  readonly logprobs: JsonValue[];
  text: string;
}

/** The item that is being written. */
interface OpenItem {
  readonly id: string;
  readonly index: number;
  readonly type: 'reasoning' | 'message';
  readonly parts: JsonObject[];
  part: OpenPart | null;
}

interface OpenCall {
  readonly id: string;
  readonly index: number;
  call: FunctionCall;
}

const eventNames = {
  reasoning: 'response.reasoning_text',
  text: 'response.output_text',
  refusal: 'response.refusal',
} as const;

/**
 * Writes the events of a response's output in the order that OpenAI's API has: an item is added before its parts, a part before
 * its text, and each is told as done, whole, before the next begins. Calls of functions stay open to the end, since models write
 * several of them side by side.
 */
export class EventWriter {
  readonly #responseId: string;
  readonly #output: JsonObject[] = [];
  readonly #calls = new Map<number, OpenCall>();
  #events: string[] = [];
  #sequence = 0;
  #item: OpenItem | null = null;

  constructor(responseId: string) {
    this.#responseId = responseId;
  }

  /** The items as they stand: all of them once `finish` was called. */
  get output(): readonly JsonObject[] {
    return this.#output;
  }

  /** What was written since the last call, as the data of events. */
  take(): readonly string[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  emit(type: string, fields: JsonObject): void {
    this.#events.push(JSON.stringify({ type, sequence_number: this.#sequence, ...fields }));
    this.#sequence += 1;
  }

  /** A piece of text. */
  write(kind: TextKind, delta: string, logprobs: readonly JsonValue[] = []): void {
    const item = this.#itemFor(kind);
    const part = this.#partFor(item, kind);
    part.text += delta;
    part.logprobs.push(...logprobs);
    const place = this.#placeOf(item);
    const more = kind === 'text' ? { logprobs } : {};
    if (delta !== '') this.emit(`${eventNames[kind]}.delta`, { ...place, delta, ...more });
  }

  /** A piece of a call; `number` tells calls apart that are written side by side. */
  call(number: number, piece: Partial<FunctionCall>): void {
    const open = this.#calls.get(number) ?? this.#openCall(number, piece);
    const { arguments: delta = '' } = piece;
    open.call = { ...open.call, arguments: open.call.arguments + delta };
    if (delta === '') return;
    const place = { item_id: open.id, output_index: open.index };
    this.emit('response.function_call_arguments.delta', { ...place, delta });
  }

  /** Ends what is open; an answer without anything (reasoning apart) is an empty message. */
  finish(status: string): void {
    if (this.#output.every(({ type }) => type === 'reasoning')) this.write('text', '');
    this.#closeItem(status);
    for (const { id, index, call } of this.#calls.values()) {
      const place = { item_id: id, output_index: index };
      this.emit('response.function_call_arguments.done', { ...place, arguments: call.arguments });
      this.#endItem(index, callItem(id, call, status));
    }
    this.#calls.clear();
  }

  #itemFor(kind: TextKind): OpenItem {
    const type = kind === 'reasoning' ? 'reasoning' : 'message';
    if (this.#item?.type === type) return this.#item;
    this.#closeItem('completed');
    const index = this.#output.length;
    const id = itemId(type === 'reasoning' ? 'rs' : 'msg', this.#responseId, index);
    this.#item = { id, index, type, parts: [], part: null };
    this.#beginItem(itemOf(this.#item, 'in_progress'));
    return this.#item;
  }

  #partFor(item: OpenItem, kind: TextKind): OpenPart {
    if (item.part?.kind === kind) return item.part;
    this.#closePart(item);
    item.part = { kind, text: '', logprobs: [] };
    const part = partOf(item.part);
    this.emit('response.content_part.added', { ...this.#placeOf(item), part });
    return item.part;
  }

  #openCall(number: number, { callId, name = '' }: Partial<FunctionCall>): OpenCall {
    this.#closeItem('completed');
    const index = this.#output.length;
    const id = itemId('fc', this.#responseId, index);
    const open = { id, index, call: { callId: callId ?? `call_${id}`, name, arguments: '' } };
    this.#calls.set(number, open);
    this.#beginItem(callItem(id, open.call, 'in_progress'));
    return open;
  }

  #beginItem(item: JsonObject): void {
    const index = this.#output.push(item) - 1;
    this.emit('response.output_item.added', { output_index: index, item });
  }

  #endItem(index: number, item: JsonObject): void {
    this.#output[index] = item;
    this.emit('response.output_item.done', { output_index: index, item });
  }

  #closeItem(status: string): void {
    const item = this.#item;
    if (item === null) return;
    this.#closePart(item);
    this.#item = null;
    this.#endItem(item.index, itemOf(item, status));
  }

  #closePart(item: OpenItem): void {
    if (item.part === null) return;
    const { kind, text, logprobs } = item.part;
    const place = this.#placeOf(item);
    const part = partOf(item.part);
    const whole = kind === 'refusal' ? { refusal: text } : { text };
    this.emit(`${eventNames[kind]}.done`, { ...place, ...whole, ...(kind === 'text' ? { logprobs } : {}) });
    this.emit('response.content_part.done', { ...place, part });
    item.parts.push(part);
    item.part = null;
  }

  #placeOf(item: OpenItem): JsonObject {
    return { item_id: item.id, output_index: item.index, content_index: item.parts.length };
  }
}

function itemOf({ id, type, parts }: OpenItem, status: string): JsonObject {
  if (type === 'message') return messageItem(id, [...parts], status);
  const [part] = parts;
  return part === undefined
    ? { ...reasoningItem(id, '', status), content: [] }
    : reasoningItem(id, String(part.text), status);
}

function partOf({ kind, text, logprobs }: OpenPart): JsonObject {
  if (kind === 'refusal') return refusalPart(text);
  return kind === 'text' ? textPart(text, [...logprobs]) : { type: 'reasoning_text', text };
}
