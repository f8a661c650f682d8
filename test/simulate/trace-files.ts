import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type ReadTraceOptions, readTrace } from '../../src/simulate/read-trace.ts';
import { type Trace, TraceBuilder } from '../../src/simulate/trace.ts';

const dir = mkdtempSync(join(tmpdir(), 'pilotlight-traces-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Writes a file into a folder that is removed after the tests. */
export function fileOf(name: string, content: string | Buffer): string {
  const file = join(dir, name);
  writeFileSync(file, content);
  return file;
}

/** How traces are read where nothing is said. */
export const plain: ReadTraceOptions = {
  model: null,
  modelFrom: 'host',
  tokens: { prompt: 1_000, answer: 50 },
  folder: null,
};

/** What a file with this content is read as. */
export async function read(name: string, content: string | Buffer, options: Partial<ReadTraceOptions> = {}) {
  const builder = new TraceBuilder();
  const report = await readTrace(fileOf(name, content), builder, { ...plain, ...options });
  return { report, trace: builder.build() };
}

/** In order of arrival: model, arrival and time at work in milliseconds. */
export function rowsOf({ models, count, arrivalMs, execMs, model }: Trace): (string | number)[][] {
  return Array.from({ length: count }, (_, at) => [models[model[at]!]!, arrivalMs[at]!, execMs[at]!]);
}
