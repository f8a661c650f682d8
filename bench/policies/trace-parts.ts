import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTrace } from '../../src/simulate/read-trace.ts';
import { type Trace, TraceBuilder } from '../../src/simulate/trace.ts';

const name = 'genai-16d.csv.gz';
const sha256 = 'a0e85552f46c8301f952b4aede1524dc40e0b6079318540927a44ea40225653e';
const origin =
  'It is the first 15.3 days of GenTD26, lora_request_trace.csv of cluster-trace-v2026-GenAI in github.com/alibaba/clusterdata, ' +
  'with its columns named arrival_s, model, exec_s (docs/simulate.md, "Public traces")';

/** The requests of genai-16d in `folder`. Rejects with an Error for people where the file is missing or another one. */
export async function readGenai(folder: string | undefined): Promise<Trace> {
  const wanted = `${name} with SHA-256 ${sha256}`;
  if (folder === undefined || folder === '')
    throw new Error(`PILOTLIGHT_TRACES names no folder; it should hold ${wanted}. ${origin}`);
  const path = join(folder, name);
  let found: string;
  try {
    found = createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch (cause) {
    throw new Error(`there is no ${path}; it should be ${wanted}. ${origin}`, { cause });
  }
  if (found !== sha256) throw new Error(`${path} has SHA-256 ${found}; it should be ${wanted}. ${origin}`);
  const builder = new TraceBuilder();
  const tokens = { prompt: 1, answer: 1 };
  await readTrace(path, builder, { model: null, folder: null, modelFrom: 'host', tokens });
  return builder.build();
}
