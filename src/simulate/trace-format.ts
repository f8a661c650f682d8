import type { Origin, TraceRow } from './trace.ts';

/** What a trace that does not say everything is read with. */
export interface FormatOptions {
  /** Of requests whose record names no model. */
  readonly model: string;
  /** What of an access log names the model: its host, or the first segment of its path. */
  readonly modelFrom: 'host' | 'path';
  /** Of traces that tell tokens and no times. */
  readonly tokens: TokenRates;
}

/** Tokens per second of a replica that works for one request. */
export interface TokenRates {
  readonly prompt: number;
  readonly answer: number;
}

/** A request; `other`: a record that is right and is no request to a model; `malformed`: it cannot be read. */
export type Reading = TraceRow | 'other' | 'malformed';

/** How the records of a kind of file are read. */
export interface TraceFormat {
  readonly name: string;
  /** What a file of it looks like, in one line. */
  readonly looks: string;
  /** What arrivals are counted from. */
  readonly origin: Origin;
  /** Whether it is CSV whose first record names the columns. */
  readonly hasHeader?: true;
  /** What reads the records of a file that begins (or has among its first records) like this; null: another format. */
  reader(record: string, options: FormatOptions): ((record: string) => Reading) | null;
}

/** A row, or `malformed` where one of its values makes no sense. */
export function row(model: string, arrivalMs: number, execMs: number): Reading {
  return arrivalMs >= 0 && execMs >= 0 && arrivalMs + execMs < Number.POSITIVE_INFINITY && model !== ''
    ? { model, arrivalMs, execMs }
    : 'malformed';
}

const timestamp =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[T ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?\s*(?:Z|UTC|([+-])(\d\d):?(\d\d)?)?$/;

/** Milliseconds since the Unix epoch of `2026-11-24T15:04:05.123Z`, also with a space, an offset or neither (UTC); else NaN. */
export function instantOf(text: string): number {
  const match = timestamp.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second, fraction = '0', sign, offsetH = '0', offsetM = '0'] =
    match;
  const wholeMs = Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!);
  const offsetMs = (Number(offsetH) * 60 + Number(offsetM)) * 60_000;
  return wholeMs + Number(fraction) * 1000 + (sign === '-' ? offsetMs : -offsetMs);
}

/** Of text that is a decimal number; else NaN (also where it is empty). */
export function numberOf(text: string | undefined): number {
  return text === undefined || text.trim() === '' ? Number.NaN : Number(text);
}
