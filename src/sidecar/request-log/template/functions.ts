import { compare, isEqual } from './comparison.ts';
import { htmlEscaped, jsEscaped, queryEscaped } from './escapes.ts';
import { sprintf } from './printf.ts';
import { ExecutionFault, GoMap, isTrue, textOf, typeName, type Value } from './values.ts';

/** A function of text/template over its evaluated arguments; `and` and `or` are evaluated where they are compiled. */
export interface TemplateFunction {
  readonly least: number;
  /** Arguments at most; Infinity: any number. */
  readonly most: number;
  call(args: readonly Value[]): Value;
}

const unbounded = Number.POSITIVE_INFINITY;

/** The builtin functions, but for `call`: nothing in a request log is a function. */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  eq: { least: 1, most: unbounded, call: ([first, ...others]) => isEqual(first, others) },
  ne: { least: 2, most: 2, call: ([a, b]) => !isEqual(a, [b]) },
  lt: { least: 2, most: 2, call: ([a, b]) => compare(a, b) < 0 },
  le: { least: 2, most: 2, call: ([a, b]) => compare(a, b) <= 0 },
  gt: { least: 2, most: 2, call: ([a, b]) => compare(a, b) > 0 },
  ge: { least: 2, most: 2, call: ([a, b]) => compare(a, b) >= 0 },
  not: { least: 1, most: 1, call: ([value]) => !isTrue(value) },
  len: { least: 1, most: 1, call: ([value]) => lengthOf(value) },
  index: { least: 1, most: unbounded, call: ([value, ...keys]) => keys.reduce(indexed, value) },
  slice: { least: 1, most: 4, call: ([value, ...bounds]) => sliced(value, bounds) },
  print: { least: 0, most: unbounded, call: (args) => sprint(args) },
  println: { least: 0, most: unbounded, call: (args) => `${args.map(textOf).join(' ')}\n` },
  printf: { least: 1, most: unbounded, call: ([format, ...args]) => sprintf(textArgument(format), args) },
  html: { least: 0, most: unbounded, call: (args) => htmlEscaped(joined(args)) },
  js: { least: 0, most: unbounded, call: (args) => jsEscaped(joined(args)) },
  urlquery: { least: 0, most: unbounded, call: (args) => queryEscaped(joined(args)) },
};

/** Every name that a template may call. */
export const functionNames: ReadonlySet<string> = new Set([...Object.keys(functions), 'and', 'or']);

/** fmt's Sprint: a space between two of which neither is text. */
function sprint(args: readonly Value[]): string {
  return args.reduce<string>((text, value, index) => {
    const isApart = index > 0 && typeof value !== 'string' && typeof args[index - 1] !== 'string';
    return text + (isApart ? ' ' : '') + textOf(value);
  }, '');
}

/** What the escaping functions take: like `print`, but that a value which is not there reads as an action prints it. */
function joined(args: readonly Value[]): string {
  return sprint(args.map((value) => (value === undefined ? '<no value>' : value)));
}

function textArgument(value: Value): string {
  if (typeof value === 'string') return value;
  throw new ExecutionFault(`wrong type for value; expected string; got ${typeName(value)}`);
}

function lengthOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value instanceof GoMap) return value.entries.size;
  if (Array.isArray(value)) return value.length;
  throw new ExecutionFault(`len of type ${typeName(value)}`);
}

function indexed(value: Value, key: Value): Value {
  if (value instanceof GoMap) {
    const text = textArgument(key);
    return value.entries.has(text) ? value.entries.get(text) : value.zero;
  }
  const isText = typeof value === 'string';
  if (!isText && !Array.isArray(value))
    throw new ExecutionFault(`can't index item of type ${typeName(value)}`);
  const items: ArrayLike<Value> = isText ? Buffer.from(value) : value;
  if (typeof key !== 'number')
    throw new ExecutionFault(`cannot index slice/array with type ${typeName(key)}`);
  if (key < 0 || key >= items.length) throw new ExecutionFault(`index out of range: ${key}`);
  return items[key];
}

function sliced(value: Value, bounds: readonly Value[]): Value {
  const isText = typeof value === 'string';
  if (!isText && !Array.isArray(value))
    throw new ExecutionFault(`can't slice item of type ${typeName(value)}`);
  if (isText && bounds.length === 3) throw new ExecutionFault('cannot 3-index slice a string');
  const items = isText ? Buffer.from(value) : (value as readonly Value[]);
  const [from = 0, to = items.length] = bounds.map((bound) => {
    if (typeof bound === 'number' && bound >= 0 && bound <= items.length) return bound;
    const reason = typeof bound === 'number' ? `index out of range: ${bound}` : 'cannot index with that type';
    throw new ExecutionFault(reason);
  });
  if (from > to) throw new ExecutionFault(`invalid slice index: ${from} > ${to}`);
  const part = items.slice(from, to);
  return isText ? part.toString() : (part as readonly Value[]);
}
