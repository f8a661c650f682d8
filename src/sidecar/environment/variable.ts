import { isIP } from 'node:net';
import { formatDuration, maxDurationMs, parseDuration } from '../../config/quantities.ts';

/** A value that cannot be taken: what would be expected in its place, after "expected". */
export class Misfit {
  readonly expected: string;

  constructor(expected: string) {
    this.expected = expected;
  }
}

/** One variable of the environment: how it is read, and what its reference says. */
export interface Variable<Value> {
  /** What it is for, as one or more sentences. */
  readonly meaning: string;
  /** What is written there, for the reference: `a whole number from 0`. */
  readonly expects: string;
  /** Unit of the number; null: none. */
  readonly unit: string | null;
  /** `knative`: required where Knative's variables are there, else optional. */
  readonly required: 'always' | 'knative' | 'never';
  /** What holds where it is not given, for the reference. */
  readonly standard: string;
  /** An empty text is a value as any other; else it counts as not given. */
  readonly mayBeEmpty: boolean;
  /** What is read where it is not given. */
  readonly fallback: Value;
  /** Reads a text. */
  parse(text: string): Value | Misfit;
}

/** What a row of a table says beyond its kind. */
interface Row<Value> {
  readonly meaning: string;
  readonly required?: 'always' | 'knative';
  readonly fallback: Value;
  /** Default: the fallback as text. */
  readonly standard?: string;
}

function variable<Value>(
  row: Row<Value>,
  kind: { expects: string; unit?: string; mayBeEmpty?: boolean; parse(text: string): Value | Misfit },
): Variable<Value> {
  return {
    meaning: row.meaning,
    expects: kind.expects,
    unit: kind.unit ?? null,
    required: row.required ?? 'never',
    standard: row.standard ?? (row.required === 'always' ? '' : `${row.fallback}`),
    mayBeEmpty: kind.mayBeEmpty ?? false,
    fallback: row.fallback,
    parse: kind.parse,
  };
}

/** A whole number of a unit, from 0 or `min` up to `max`. */
export function whole(row: Row<number> & { unit?: string; min?: number; max: number }): Variable<number> {
  const { min = 0, max, unit } = row;
  const expects = `a whole number from ${min} to ${max}`;
  const parse = (text: string) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : new Misfit(expects);
  };
  return variable(row, unit === undefined ? { expects, parse } : { expects, unit, parse });
}

/** Seconds; the code gets milliseconds. */
export function seconds(row: Row<number>): Variable<number> {
  const most = Math.floor(maxDurationMs / 1000);
  const read = whole({ ...row, unit: 'seconds', max: most });
  return {
    ...read,
    standard: row.standard ?? `${row.fallback / 1000}`,
    parse: (text) => {
      const value = read.parse(text);
      return value instanceof Misfit ? value : value * 1000;
    },
  };
}

/** A duration with its unit, as in the gateway's configuration; null where it is not given. */
export function duration(row: Row<number | null>): Variable<number | null> {
  const expects = 'a duration with its unit, such as 5s, 1m30s or 0';
  return variable(row, {
    expects,
    parse: (text) => {
      const ms = parseDuration(text);
      if (ms === null) return new Misfit(expects);
      return ms <= maxDurationMs ? ms : new Misfit(`at most ${formatDuration(maxDurationMs)}`);
    },
  });
}

/** A TCP port; `min` 0 lets the system choose. */
export function port(row: Row<number> & { min?: number }): Variable<number> {
  const { min = 1 } = row;
  const read = whole({ ...row, min, max: 65_535 });
  const expects = `a port from ${min} to 65535`;
  return {
    ...read,
    expects,
    parse: (text) => {
      const value = read.parse(text);
      return value instanceof Misfit ? new Misfit(expects) : value;
    },
  };
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

/** A boolean, in the spellings of Go's strconv.ParseBool. */
export function flag(row: Row<boolean>): Variable<boolean> {
  const expects = 'true or false (also 1, t, T, TRUE, True, 0, f, F, FALSE, False)';
  return variable(row, { expects, parse: (text) => truths.get(text) ?? new Misfit(expects) });
}

/** Any text. `mayBeEmpty`: required means that it is there, as Knative sets some to nothing. */
export function text(row: Row<string> & { mayBeEmpty?: boolean }): Variable<string> {
  return variable(row, {
    expects: 'text',
    mayBeEmpty: row.mayBeEmpty ?? false,
    parse: (value) => value,
  });
}

/** An address of the machine or the pod. */
export function address(row: Row<string>): Variable<string> {
  const expects = 'an IP address';
  return variable(row, { expects, parse: (value) => (isIP(value) === 0 ? new Misfit(expects) : value) });
}

/** What a function of its own reads. */
export function custom<Value>(
  row: Row<Value> & { standard: string; expects: string; mayBeEmpty?: boolean },
  parse: (text: string) => Value | Misfit,
): Variable<Value> {
  return variable(row, { expects: row.expects, mayBeEmpty: row.mayBeEmpty ?? false, parse });
}
