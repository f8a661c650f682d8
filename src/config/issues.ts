import type { z } from 'zod';
import { isNotBuilt, knownKeys, nearest } from './hints.ts';
import { type Path, valueAt } from './path.ts';
import { configJsonSchema } from './schema.ts';

/** A fault before its line is looked up. */
export interface RawFault {
  readonly path: Path;
  readonly message: string;
  readonly hint: string | null;
}

type Issue = z.core.$ZodIssue;
type JsonSchema = ReturnType<typeof configJsonSchema>;

/** What the faults are in. */
interface FaultyFile {
  readonly root: unknown;
  /** The keys that there are at a path. */
  keysAt(path: Path): readonly string[];
}

const drivers = ['process', 'static', 'kubernetes'];

/** Puts the schema's issues into the words of the configuration. `root` is the file, of which what is at `place` was parsed. */
export function faultsOf(issues: readonly Issue[], root: unknown, place: Path = []): RawFault[] {
  // Made once for all faults, and only where it is asked for: it takes as long as a hundred files to parse.
  let schema: JsonSchema | null = null;
  const file: FaultyFile = {
    root,
    keysAt(path) {
      schema ??= configJsonSchema();
      return knownKeys(schema, path);
    },
  };
  return issues.flatMap((issue) => faultsOfIssue(issue, place, file));
}

function faultsOfIssue(issue: Issue, prefix: Path, file: FaultyFile): RawFault[] {
  const path = [...prefix, ...(issue.path as Path)];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = file.keysAt(path);
      return issue.keys.map((key) => unknownKey([...path, key], known));
    }
    case 'invalid_union':
      return faultsOfUnion(issue, path, file);
    case 'invalid_key':
      return issue.issues.flatMap((inner) => ({ path, message: inner.message, hint: null }));
    default:
      return [faultOfValue(issue, path, file.root)];
  }
}

function unknownKey(path: Path, known: readonly string[]): RawFault {
  const key = String(path.at(-1));
  if (isNotBuilt(path)) return { path, message: 'is not built yet', hint: null };
  if (known.includes(key)) return { path, message: 'does not apply here', hint: null };
  const guess = nearest(key, known);
  return { path, message: 'is not a known key', hint: guess && `did you mean ${guess}?` };
}

/** The faults of the alternative that was meant: the one whose own kind of value was given. */
function faultsOfUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, file: FaultyFile): RawFault[] {
  const { root } = file;
  if (issue.discriminator !== undefined) return [unknownVariant(path, root)];
  const meant = issue.errors.find((branch) =>
    branch.every(
      (inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys' || inner.code === 'custom',
    ),
  );
  if (meant) return meant.flatMap((inner) => faultsOfIssue(inner, path, file));
  const message = valueAt(root, path) === undefined ? 'is required' : issue.message;
  return [{ path, message, hint: null }];
}

function unknownVariant(path: Path, root: unknown): RawFault {
  const key = path.at(-1);
  const value = valueAt(root, path);
  if (key === 'tcp') return { path, message: 'must be true or false', hint: null };
  const guess = typeof value === 'string' ? nearest(value, drivers) : null;
  const message = `${value === undefined ? 'is required:' : 'must be'} ${orList(drivers)}`;
  return { path, message, hint: guess && `did you mean ${guess}?` };
}

function faultOfValue(issue: Issue, path: Path, root: unknown): RawFault {
  const value = valueAt(root, path);
  if (value === undefined && issue.code !== 'custom') return { path, message: 'is required', hint: null };
  if (issue.code === 'invalid_value') return faultOfChoice(issue.values.map(String), path, value);
  return { path, message: messageOf(issue, value), hint: null };
}

function faultOfChoice(values: readonly string[], path: Path, value: unknown): RawFault {
  const guess = typeof value === 'string' ? nearest(value, values) : null;
  return { path, message: `must be ${orList(values)}`, hint: guess && `did you mean ${guess}?` };
}

function orList(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function messageOf(issue: Issue, value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'must be a finite number';
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('Invalid input')
        ? `must be ${kinds[issue.expected] ?? issue.expected}, not ${kindOf(value)}`
        : issue.message;
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? 'must not be empty'
        : `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return kinds[typeof value] ?? typeof value;
}
