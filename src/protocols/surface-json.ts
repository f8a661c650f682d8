import { PilotlightError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { SurfaceReply } from '../core/surface.ts';
import { JsonScanner } from './json-scan.ts';

/** A body that must be a JSON object, of at most 512 containers in each other. Throws invalid_body. */
export function readJsonObject(body: Buffer): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new PilotlightError('invalid_body', 'the body is not JSON in UTF-8', { cause });
  }
  if (!isJsonObject(value)) throw new PilotlightError('invalid_body', 'the body is not a JSON object');
  // What is nested deeper than the scan allows would exhaust the stack of whoever walks or writes it.
  new JsonScanner().push(body);
  return value;
}

/** Whether it is an object, and neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field of a body. Each reader throws bad_request that names the field; null stands for a field that is not there. */
export class Fields {
  readonly #object: JsonObject;
  readonly #prefix: string;

  /** `prefix`: where the object stands in the body, for messages: `policy.`. */
  constructor(object: JsonObject, prefix = '') {
    this.#object = object;
    this.#prefix = prefix;
  }

  text(name: string): string | null {
    return this.#read(name, 'text', (value) => typeof value === 'string');
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value === null || value === '') throw this.#fault(name, 'is required: text that is not empty');
    return value;
  }

  /** Within [min, max]. */
  number(name: string, { min, max }: { readonly min: number; readonly max: number }): number | null {
    const value = this.#read(name, 'a number', (given): given is number => typeof given === 'number');
    if (value !== null && (value < min || value > max))
      throw this.#fault(name, `must be from ${min} to ${max}`);
    return value;
  }

  boolean(name: string): boolean | null {
    return this.#read(name, 'true or false', (value): value is boolean => typeof value === 'boolean');
  }

  object(name: string): JsonObject | null {
    return this.#read(name, 'an object', isJsonObject);
  }

  /** Texts out of `allowed`. */
  choices<T extends string>(name: string, allowed: readonly T[]): readonly T[] | null {
    const isList = (value: unknown): value is readonly T[] =>
      Array.isArray(value) && value.every((one) => allowed.includes(one));
    return this.#read(name, `a list out of ${allowed.join(', ')}`, isList);
  }

  #read<T extends JsonValue>(name: string, what: string, fits: (value: JsonValue) => value is T): T | null {
    const value = this.#object[name];
    if (value === undefined || value === null) return null;
    if (fits(value)) return value;
    throw this.#fault(name, `must be ${what}`);
  }

  #fault(name: string, message: string): PilotlightError {
    const param = `${this.#prefix}${name}`;
    return new PilotlightError('bad_request', `${param} ${message}`, { param });
  }
}

/** An answer in JSON. */
export function jsonReply(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): SurfaceReply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

/** One event of an SSE stream, complete with its empty line; `data` may have several lines. */
export function sseEvent({ event, data, id }: { event?: string; data: string; id?: string }): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}${lines.join('')}\n`;
}

/** Header fields of an SSE stream that no proxy may hold back. */
export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
} as const;
