import { access } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { textOf } from './text-source.ts';
import type { TraceBuilder } from './trace.ts';
import type { FormatOptions } from './trace-format.ts';
import { TraceReader, traceFormats } from './trace-reader.ts';

/** What a file turned out to be. */
export interface TraceReport {
  /** As it was named. */
  readonly file: string;
  readonly format: string;
  readonly requests: number;
  /** Records that are right and no requests to a model. */
  readonly others: number;
  readonly malformed: number;
  /** From 1; null: none. */
  readonly firstMalformedLine: number | null;
}

/** How traces are read. */
export interface ReadTraceOptions extends Omit<FormatOptions, 'model'> {
  /** Of requests whose record names no model; null: the file's name without its endings. */
  readonly model: string | null;
  /** Where a file is looked for that is not where it was said to be; null: nowhere. */
  readonly folder: string | null;
}

/**
 * Adds the requests of a file to `builder`, in one pass: what is kept of it is what the builder keeps. Rejects with an
 * Error for people where there is no such file, or where it is of no known format.
 */
export async function readTrace(
  file: string,
  builder: TraceBuilder,
  options: ReadTraceOptions,
): Promise<TraceReport> {
  const path = await pathOf(file, options.folder);
  const model = options.model ?? basename(file).replace(/(?<=.)\..*$/, '');
  const reader = new TraceReader(builder, { ...options, model });
  for await (const piece of textOf(path)) if (!reader.push(piece)) break;
  reader.end();
  if (reader.format === null) {
    const known = traceFormats.map(({ looks }) => `\n  ${looks}`).join('');
    throw new Error(`${file} is none of the traces that can be read:${known}`);
  }
  const { requests, others, malformed, firstMalformedLine } = reader;
  return { file, format: reader.format.name, requests, others, malformed, firstMalformedLine };
}

async function pathOf(file: string, folder: string | null): Promise<string> {
  const paths = folder === null || isAbsolute(file) ? [file] : [file, join(folder, file)];
  for (const path of paths) if (await isThere(path)) return path;
  const elsewhere = folder === null ? ' (PILOTLIGHT_TRACES may name a folder)' : ` nor in ${folder}`;
  throw new Error(`there is no trace ${file}${elsewhere}`);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
