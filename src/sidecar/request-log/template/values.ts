/**
 * Values of Go, as far as a template meets them: undefined is none at all (a key that a map lacks), null a nil pointer, a
 * number an integer of any size, a Float a float64, an array a slice.
 */
export type Value = undefined | null | boolean | number | string | Float | Struct | GoMap | readonly Value[];

/** The template cannot go on with this request. */
export class ExecutionFault extends Error {}

/** A float64: unlike an integer it is printed with an exponent where it is large or small. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A method that a template may call: with these types of arguments. */
export interface Method<Data> {
  readonly takes: readonly ('string' | 'int')[];
  call(data: Data, args: readonly Value[]): Value;
}

/** The fields and methods of a struct (or of a pointer to one). */
export interface StructType<Data> {
  readonly name: string;
  readonly fields: Readonly<Record<string, (data: Data) => Value>>;
  readonly methods: Readonly<Record<string, Method<Data>>>;
  /** What it prints, where its type has a String method. */
  readonly text?: (data: Data) => string;
}

/** A struct of a type. */
export class Struct {
  readonly type: StructType<never>;
  readonly data: never;

  private constructor(type: StructType<never>, data: never) {
    this.type = type;
    this.data = data;
  }

  static of<Data>(type: StructType<Data>, data: Data): Struct {
    // The type of the data is known to its struct type alone.
    return new Struct(type as StructType<never>, data as never);
  }
}

/** A map by text, with methods. */
export class GoMap {
  readonly name: string;
  readonly methods: Readonly<Record<string, Method<GoMap>>>;
  /** What `index` gives for a key that is not there: the zero of the elements. */
  readonly zero: Value;
  /** What its methods may read without making all entries. */
  readonly source: readonly string[];
  readonly #read: () => ReadonlyMap<string, Value>;
  #entries: ReadonlyMap<string, Value> | null = null;

  constructor(spec: {
    readonly name: string;
    readonly methods?: Readonly<Record<string, Method<GoMap>>>;
    readonly zero: Value;
    readonly source?: readonly string[];
    readonly read: () => ReadonlyMap<string, Value>;
  }) {
    this.name = spec.name;
    this.methods = spec.methods ?? {};
    this.zero = spec.zero;
    this.source = spec.source ?? [];
    this.#read = spec.read;
  }

  get entries(): ReadonlyMap<string, Value> {
    this.#entries ??= this.#read();
    return this.#entries;
  }

  get sortedKeys(): string[] {
    return [...this.entries.keys()].sort();
  }
}

/** Whether a condition holds. */
export function isTrue(value: Value): boolean {
  if (value === undefined || value === null) return false;
  if (value instanceof Float) return value.value !== 0;
  if (value instanceof Struct) return true;
  if (value instanceof GoMap) return value.entries.size > 0;
  if (typeof value === 'object') return value.length > 0;
  return value !== '' && value !== 0 && value !== false;
}

/** The name of a value's type in Go. */
export function typeName(value: Value): string {
  if (value === undefined || value === null) return '<nil>';
  if (typeof value === 'number') return 'int';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (value instanceof Float) return 'float64';
  if (value instanceof Struct) return value.type.name;
  return value instanceof GoMap ? value.name : '[]string';
}

/** What fmt prints of a value by %v. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '<nil>';
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Struct) {
    if (value.type.text !== undefined) return value.type.text(value.data);
    throw new ExecutionFault(`a whole ${value.type.name} is not printed here: name its fields`);
  }
  if (value instanceof GoMap) {
    const pairs = value.sortedKeys.map((key) => `${key}:${textOf(value.entries.get(key))}`);
    return `map[${pairs.join(' ')}]`;
  }
  if (typeof value === 'object') return `[${value.map(textOf).join(' ')}]`;
  return String(value);
}

/** What an action prints of its value. */
export function printed(value: Value): string {
  return value === undefined ? '<no value>' : textOf(value);
}

/** A float64 as %v prints it: with an exponent below 1e-4 and from 1e6. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (size >= 1e-4 && size < 1e6) return String(value);
  return withGoExponent(value.toExponential());
}

/** Go writes an exponent with at least two digits. */
export function withGoExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}
