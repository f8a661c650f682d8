import { ExecutionFault, Float, GoMap, Struct, typeName, type Value } from './values.ts';

/** text/template's eq: whether the first equals any of the others. */
export function isEqual(first: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw new ExecutionFault('missing argument for comparison');
  for (const other of others) if (isSame(first, other)) return true;
  return false;
}

function isSame(a: Value, b: Value): boolean {
  const [kindA, kindB] = [kindOf(a), kindOf(b)];
  if (kindA !== kindB) {
    // Nothing at all can be compared with anything, and equals none of it.
    if (a === undefined || a === null || b === undefined || b === null) return false;
    throw new ExecutionFault('incompatible types for comparison');
  }
  if (a instanceof Float && b instanceof Float) return a.value === b.value;
  if (kindA !== 'other') return a === b;
  if (isUncomparable(a) || isUncomparable(b)) throw new ExecutionFault(`non-comparable type ${typeName(a)}`);
  return (a ?? null) === (b ?? null) || (a instanceof Struct && b instanceof Struct && a.data === b.data);
}

function isUncomparable(value: Value): boolean {
  return value instanceof GoMap || Array.isArray(value);
}

/** text/template's order: below, at or above zero. */
export function compare(a: Value, b: Value): number {
  const [kindA, kindB] = [kindOf(a), kindOf(b)];
  if (kindA === 'other' || kindB === 'other' || kindA === 'bool') {
    throw new ExecutionFault('invalid type for comparison');
  }
  if (kindA !== kindB) throw new ExecutionFault('incompatible types for comparison');
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  return plainNumber(a) - plainNumber(b);
}

function plainNumber(value: Value): number {
  return value instanceof Float ? value.value : (value as number);
}

function kindOf(value: Value): 'bool' | 'int' | 'string' | 'float' | 'other' {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'int';
  if (typeof value === 'string') return 'string';
  return value instanceof Float ? 'float' : 'other';
}
