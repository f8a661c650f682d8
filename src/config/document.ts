import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import type { RawFault } from './issues.ts';
import type { Path } from './path.ts';

/** A fault and its line, from 1; null where none can be named. */
export interface LocatedFault extends RawFault {
  readonly line: number | null;
}

/** A parsed file: plain values, and where each of them stands. */
export interface ConfigDocument {
  /** Maps, lists, strings, numbers, booleans, null; undefined when the text is no YAML. */
  readonly value: unknown;
  /** Syntax errors and duplicate keys. */
  readonly faults: readonly LocatedFault[];
  /** Line of a key (or its nearest parent in the file), from 1; null: not in the file. */
  lineOf(path: Path): number | null;
}

/** Reads YAML 1.2 strictly: one document, no duplicate keys, no unknown tags. Never throws. */
export function parseDocumentText(text: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const faultAt = (offset: number, path: Path, message: string) => {
    return { path, line: lineAt(offset), message, hint: null };
  };
  const lineOf = (path: Path) => {
    const offset = offsetOf(document, path);
    return offset === null ? null : lineAt(offset);
  };
  const faults = [...document.errors, ...document.warnings].map((error): LocatedFault => {
    const [offset] = error.pos;
    return error.code === 'DUPLICATE_KEY'
      ? faultAt(offset, pathAt(document, offset), 'is given twice')
      : faultAt(offset, [], `YAML: ${error.message}`);
  });
  const misuses = misusesOf(document).map(({ offset, message }) => faultAt(offset, [], `YAML: ${message}`));
  const isBroken = misuses.length > 0 || document.errors.some((error) => error.code !== 'DUPLICATE_KEY');
  if (isBroken) return { value: undefined, faults: [...faults, ...misuses], lineOf };
  try {
    return { value: document.toJS() as unknown, faults, lineOf };
  } catch (error) {
    const message = `YAML: ${error instanceof Error ? error.message : String(error)}`;
    return { value: undefined, faults: [...faults, { path: [], line: null, message, hint: null }], lineOf };
  }
}

/** What YAML allows and plain data cannot hold, or would drop without a word. */
function misusesOf(document: Document): { offset: number; message: string }[] {
  const misuses: { offset: number; message: string }[] = [];
  visit(document, {
    Pair(_, pair) {
      const offset = (pair.key as Node | null)?.range?.[0] ?? 0;
      if (!isScalar(pair.key)) misuses.push({ offset, message: 'a key must be text' });
      else if (pair.key.value === '__proto__') misuses.push({ offset, message: '__proto__ cannot be a key' });
    },
    Alias(_, alias, ancestors) {
      const target = alias.resolve(document);
      if (!target || !ancestors.includes(target)) return;
      misuses.push({ offset: alias.range?.[0] ?? 0, message: `*${alias.source} refers to itself` });
    },
  });
  return misuses;
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function childOf(node: unknown, step: string | number): { start: Node; value: unknown } | null {
  if (isSeq(node)) {
    const item = node.items[Number(step)] as Node | undefined;
    return item ? { start: item, value: item } : null;
  }
  if (!isMap(node)) return null;
  const pair = node.items.findLast((item) => keyOf(item) === String(step));
  return pair ? { start: pair.key as Node, value: pair.value } : null;
}

function offsetOf(document: Document, path: Path): number | null {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? null;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    const child = childOf(node, step);
    if (!child) break;
    offset = child.start.range?.[0] ?? offset;
    node = child.value;
  }
  return offset;
}

/** The path of the key that begins at `offset`. */
function pathAt(document: Document, offset: number): Path {
  let found: Path = [];
  visit(document, {
    Pair(_, pair, ancestors) {
      if ((pair.key as Node | null)?.range?.[0] !== offset) return undefined;
      found = [...stepsOf(ancestors as readonly unknown[]), keyOf(pair)];
      return visit.BREAK;
    },
  });
  return found;
}

function stepsOf(ancestors: readonly unknown[]): Path {
  return ancestors.flatMap((node, index): (string | number)[] => {
    const parent = ancestors[index - 1];
    if (isSeq(parent)) return [parent.items.indexOf(node)];
    return isMap(parent) ? [keyOf(node as Pair)] : [];
  });
}
