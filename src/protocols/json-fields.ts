import type { Intent, Span } from '../core/protocol.ts';
import { type FieldName, isPlain } from './json-bytes.ts';
import { maxNameBytes, requireModel } from './model-name.ts';

/** What of a value the gateway needs: a string's text (of model only), whether it is `true`, else null. */
export type FieldValue = string | true | null;

/** The fields of a JSON body found so far; a later duplicate replaces an earlier one, as in JSON.parse. */
export class JsonFields {
  /** undefined: absent; null: not a string. */
  #model: string | null | undefined;
  #modelSpan: Span | null = null;
  #isStream = false;
  #messages: Span | null = null;
  #prompt: Span | null = null;
  #input: Span | null = null;

  get isStream(): boolean {
    return this.#isStream;
  }

  /** Notes a field whose value lies in `span`. */
  set(name: FieldName, value: FieldValue, span: Span): void {
    switch (name) {
      case 'model':
        this.#model = typeof value === 'string' ? value : null;
        this.#modelSpan = span;
        return;
      case 'stream':
        this.#isStream = value === true;
        return;
      case 'messages':
        this.#messages = span;
        return;
      case 'prompt':
        this.#prompt = span;
        return;
      case 'input':
        this.#input = span;
    }
  }

  /** The intent they add up to. Throws model_required. */
  intent(): Intent {
    return {
      model: requireModel(this.#model),
      isStream: this.#isStream,
      modelSpan: this.#modelSpan,
      modelEncoding: 'json',
      promptSpan: this.#messages ?? this.#prompt ?? this.#input,
    };
  }
}

/** The name that a JSON string `[start, end)`, quotes included, spells. Throws RangeError, SyntaxError. */
export function decodeName(bytes: Buffer, start: number, end: number): string {
  if (end - start > maxNameBytes) throw new RangeError(`a model name longer than ${maxNameBytes} bytes`);
  return isPlain(bytes, start + 1, end - 1)
    ? bytes.toString('latin1', start + 1, end - 1)
    : JSON.parse(bytes.toString('utf8', start, end));
}
