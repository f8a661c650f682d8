import type { Desk } from '../../src/core/desk.ts';
import type { StoredDocument } from '../../src/core/job-store.ts';
import type { SurfaceRequest } from '../../src/core/surface.ts';
import { BatchRunner } from '../../src/jobs/batch-runner.ts';
import { batchRoutes } from '../../src/protocols/batch/batches.ts';
import { fileKind } from '../../src/protocols/batch/file-data.ts';
import { keepFile } from '../../src/protocols/batch/file-keeping.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import type { PlayedBatchDesk } from '../support/played-batch-desk.ts';

/** Rows of a file for batches. */
export function rowsOf(count: number, model = 'llama'): object[] {
  return Array.from({ length: count }, (_, index) => ({
    custom_id: `row-${index}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model, messages: [{ role: 'user', content: String(index) }] },
  }));
}

/** The fields of a batch as its surface tells them. */
export interface ToldBatch {
  readonly id: string;
  readonly status: string;
  readonly output_file_id: string | null;
  readonly error_file_id: string | null;
  readonly request_counts: { readonly total: number; readonly completed: number; readonly failed: number };
  readonly errors: {
    readonly data: readonly { readonly code: string; readonly line: number | null }[];
  } | null;
  readonly usage?: { readonly total_tokens: number };
}

/** Puts a file there, as an upload does. */
export async function putFile(played: PlayedBatchDesk, content: string, id = 'file-in'): Promise<string> {
  const source = (async function* () {
    yield Buffer.from(content);
  })();
  const blob = await played.blobs.write(source, 1e9, new AbortController().signal);
  const data = { filename: 'in.jsonl', purpose: 'batch', bytes: blob.bytes, blob: blob.id };
  const nowMs = played.store.nowMs();
  await keepFile(played.desk.jobs, {
    kind: fileKind,
    id,
    tenant: 'me',
    createdAtMs: nowMs,
    expiresAtMs: null,
    data,
  });
  return id;
}

/** Asks the surface. */
export async function ask(
  desk: Desk,
  method: string,
  path: string,
  { body = {}, ...more }: Partial<Omit<SurfaceRequest, 'body'>> & { readonly body?: object } = {},
): Promise<ToldBatch> {
  const route = batchRoutes({ limits: 'own', isBesideOpenai: true }).find((one) => {
    return one.path === path && one.methods.includes(method);
  })!;
  const caller = {
    tenant: 'me',
    requestId: 'r',
    highestClass: 0,
    signal: new AbortController().signal,
  } as const;
  const request: SurfaceRequest = {
    method,
    path,
    params: {},
    query: new URLSearchParams(),
    headers: {},
    baseUrl: '',
    caller,
    ...more,
    body: Buffer.from(JSON.stringify(body)),
  };
  const { body: answer } = await route.handle(request, desk, null);
  return JSON.parse(String(answer)) as ToldBatch;
}

/** Creates a batch of a file that is there. */
export function createBatch(
  desk: Desk,
  more: object = {},
  headers: Record<string, string> = {},
): Promise<ToldBatch> {
  const body = {
    input_file_id: 'file-in',
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    ...more,
  };
  return ask(desk, 'POST', '/v1/batches', { body, headers });
}

/** The batch as it is told now. */
export function look(desk: Desk, id: string): Promise<ToldBatch> {
  return ask(desk, 'GET', '/v1/batches/:id', { params: { id } });
}

/** A runner that was started; faults it tells of are collected. */
export function startRunner(
  played: PlayedBatchDesk,
  clock: ManualClock,
  {
    desk = played.desk,
    owner = 'one',
    isShared = false,
  }: { desk?: Desk; owner?: string; isShared?: boolean } = {},
): { readonly runner: BatchRunner; readonly faults: unknown[] } {
  const faults: unknown[] = [];
  const store = {
    isShared,
    nowMs: () => played.store.nowMs(),
    watch: played.store.watch,
  };
  const onFault = ({ error }: { readonly error: unknown }) => faults.push(error);
  const runner = new BatchRunner({ desk, store, clock, owner, leaseMs: 60_000, onFault });
  runner.start();
  return { runner, faults };
}

/** The lines of a file; none where there is no such file. */
export async function linesOf(
  played: PlayedBatchDesk,
  id: string | null,
): Promise<
  {
    readonly custom_id: string;
    readonly response: { body: unknown } | null;
    readonly error: { code: string } | null;
  }[]
> {
  if (id === null) return [];
  const document = (await played.store.documents.get(fileKind, id)) as StoredDocument;
  const content = played.blobs.contents.get(String(document.data.blob))!;
  return content
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Lets what runs in promises go on until a condition holds; fails after very many turns. */
export async function until(clock: ManualClock, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let turn = 0; turn < 20_000; turn += 1) {
    if (await holds()) return;
    await clock.settle();
    if (turn % 50 === 49) await clock.advance(1_000);
  }
  throw new Error('what was waited for did not come');
}
