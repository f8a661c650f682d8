import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../lab.ts';
import { memoryBytes } from '../proc.ts';
import { emptyOutcome, type Outcome, type Scenario, startTargets } from '../scenario.ts';

/** A whole batch against the demo backend. */
export const jobsBatch: Scenario = {
  name: 'jobs-batch',
  subject: 'pilotlight',
  what: "A batch of 50,000 chats (2,000 with --quick) of OpenAI's Batch API against the demo backend, 100 at once: every row is in the output once.",
  figures: [
    { name: 'missing', unit: 'rows', goal: '0', digits: 0 },
    { name: 'doubled', unit: 'rows', goal: '0', digits: 0 },
    { name: 'accepted after', unit: 's', goal: '', digits: 1 },
    { name: 'rate', unit: 'rows/s', goal: '', digits: 0 },
    { name: 'growth at the peak', unit: 'MB', goal: '', digits: 0 },
  ],
  async run(lab) {
    const outcome = emptyOutcome();
    const main = join(import.meta.dirname, '../../src/main.ts');
    const backendFlags = ['--model', 'bench', '--load-time', '0s', '--first-token', '1ms', '--slots', '100'];
    const argv = [process.execPath, main, 'demo-backend', '--port', '{port}', ...backendFlags];
    const command = lab.besideTheLoad([...argv, '--tokens-per-second', '100000']);
    const options = { backendPort: 0, command, concurrency: 100, outcome, hasJobs: true };
    const [target] = await startTargets(lab, ['sqlite'], options);
    if (target !== undefined) await runBatch(target, outcome, lab.isQuick ? 2_000 : 50_000);
    return outcome;
  },
};

interface BatchView {
  readonly id: string;
  readonly status: string;
  readonly output_file_id: string | null;
  readonly error_file_id: string | null;
  readonly request_counts: { readonly total: number; readonly completed: number; readonly failed: number };
}

async function runBatch(target: Target, { samples, notes }: Outcome, rows: number): Promise<void> {
  const base = `http://127.0.0.1:${target.port}/v1`;
  const before = memoryBytes(target.child!.pid).residentBytes;
  const startedAtMs = performance.now();
  const inputFile = await upload(base, rows);
  const made = await post(`${base}/batches`, {
    input_file_id: inputFile,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
  let batch = made;
  for (let acceptedMs: number | null = null; !isOver(batch); await sleep(500)) {
    batch = (await (await fetch(`${base}/batches/${made.id}`)).json()) as BatchView;
    if (acceptedMs === null && batch.status !== 'validating') {
      acceptedMs = performance.now() - startedAtMs;
      samples.add('accepted after', target.name, acceptedMs / 1000);
    }
  }
  samples.add('rate', target.name, (rows / (performance.now() - startedAtMs)) * 1000);
  samples.add('growth at the peak', target.name, (memoryBytes(target.child!.pid).peakBytes - before) / 1e6);
  if (batch.status !== 'completed') notes.push(`the batch ended as ${JSON.stringify(batch)}`);
  const counts = await countRows(base, batch.output_file_id);
  samples.add('missing', target.name, rows - counts.distinct);
  samples.add('doubled', target.name, counts.lines - counts.distinct);
}

function isOver({ status }: BatchView): boolean {
  return ['completed', 'failed', 'expired', 'cancelled'].includes(status);
}

async function upload(base: string, rows: number): Promise<string> {
  const lines = Array.from({ length: rows }, (_, index) => {
    const body = { model: 'bench', messages: [{ role: 'user', content: `row ${index}` }], max_tokens: 3 };
    return JSON.stringify({ custom_id: `row-${index}`, method: 'POST', url: '/v1/chat/completions', body });
  });
  const form = new FormData();
  form.append('purpose', 'batch');
  form.append('file', new Blob([lines.join('\n')]), 'rows.jsonl');
  const response = await fetch(`${base}/files`, { method: 'POST', body: form });
  const file = (await response.json()) as { id: string };
  if (!response.ok) throw new Error(`the upload was refused: ${JSON.stringify(file)}`);
  return file.id;
}

async function post(url: string, body: object): Promise<BatchView> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const value = (await response.json()) as BatchView;
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(value)}`);
  return value;
}

async function countRows(base: string, file: string | null): Promise<{ lines: number; distinct: number }> {
  if (file === null) return { lines: 0, distinct: 0 };
  const text = await (await fetch(`${base}/files/${file}/content`)).text();
  const ids = text.split('\n').flatMap((line) => {
    if (line === '') return [];
    return [(JSON.parse(line) as { custom_id: string }).custom_id];
  });
  return { lines: ids.length, distinct: new Set(ids).size };
}
