import { Misfit } from './variable.ts';

/** A JSON object with its keys in lower case: Go reads them without regard to case. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The JSON of a variable, or why it is none. */
export function parseJson(text: string): { readonly value: unknown } | Misfit {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return new Misfit(`JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** The object with its keys in lower case; null: it is something else. JSON's null is an empty object, as for Go. */
export function objectOf(value: unknown): JsonObject | null {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return null;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.toLowerCase(), one]));
}

/**
 * Reads keys of one object and notes what does not fit: where nothing is there, or null, each gives its default.
 * `at` is the object's path in the JSON, for messages.
 */
export class ObjectReader {
  readonly #object: JsonObject;
  readonly #at: string;
  readonly #faults: string[];

  constructor(value: unknown, at: string, faults: string[]) {
    const object = objectOf(value);
    if (object === null) faults.push(`${at || 'the whole'} to be an object`);
    this.#object = object ?? {};
    this.#at = at;
    this.#faults = faults;
  }

  /** Whether the key is there and not null. */
  has(key: string): boolean {
    return (this.#object[key.toLowerCase()] ?? null) !== null;
  }

  raw(key: string): unknown {
    return this.#object[key.toLowerCase()];
  }

  text(key: string, fallback = ''): string {
    return this.#typed(key, 'string', 'text', fallback);
  }

  flag(key: string, fallback = false): boolean {
    return this.#typed(key, 'boolean', 'true or false', fallback);
  }

  /** A number from `min` to `max`. */
  number(key: string, limits: { fallback: number; min: number; max: number; isWhole?: boolean }): number {
    const { fallback, min, max, isWhole = true } = limits;
    const value = this.#typed(key, 'number', 'a number', fallback);
    if (value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
    this.fault(key, `to be ${isWhole ? 'a whole number' : 'a number'} from ${min} to ${max}`);
    return fallback;
  }

  /** One of `names`. */
  choice<Name extends string>(key: string, names: readonly Name[], fallback: Name): Name {
    const value = this.text(key, fallback) as Name;
    if (names.includes(value)) return value;
    this.fault(key, `to be one of ${names.join(', ')}`);
    return fallback;
  }

  /** A reader of the object below a key. */
  below(key: string): ObjectReader {
    return new ObjectReader(this.raw(key), this.#path(key), this.#faults);
  }

  /** Notes a fault of a key: what was expected of it, after its path. */
  fault(key: string, expected: string): void {
    this.#faults.push(`${this.#path(key)} ${expected}`);
  }

  #typed<Value>(key: string, type: string, words: string, fallback: Value): Value {
    const value = this.raw(key);
    if (value === undefined || value === null) return fallback;
    if (typeof value === type) return value as Value;
    this.fault(key, `to be ${words}`);
    return fallback;
  }

  #path(key: string): string {
    return this.#at === '' ? key : `${this.#at}.${key}`;
  }
}
