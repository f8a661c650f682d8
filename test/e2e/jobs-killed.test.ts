import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { Served, writeConfig } from '../support/served.ts';
import { fixedModel, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** A job as the native surface shows it. */
interface ShownJob {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly error: { readonly code: string } | null;
}

/** What the backend is to do with a job, by the kind in its body. */
type Kind = 'answer' | 'refuse' | 'hold' | 'stream' | 'busy';

/** A backend that holds what is to be held until it is told that the gateway was killed. */
async function startBackend() {
  const told = { isAfterKill: false, asked: [] as string[] };
  const json = (res: ServerResponse, status: number, body: object) =>
    void res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const backend = await world.backend((res, req, body) => {
    const kind = (JSON.parse(body) as { kind: Kind }).kind;
    const id = String(req.headers['x-request-id']);
    told.asked.push(id);
    if (kind === 'refuse') return json(res, 400, { error: { message: 'no' } });
    if (told.isAfterKill || kind === 'answer') return json(res, 200, { id });
    if (kind === 'busy') return json(res, 503, { error: { message: 'busy' } });
    if (kind === 'stream') {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: {"n":1}\n\n');
    }
  });
  return { backend, told };
}

async function order({ url }: Served, kind: Kind, more: object = {}): Promise<ShownJob> {
  const answer = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      path: '/v1/chat/completions',
      body: { model: 'm', messages: [], kind, stream: kind === 'stream' },
      ...more,
    }),
  });
  expect(answer.status).toBe(202);
  return (await answer.json()) as ShownJob;
}

async function jobOf({ url }: Served, { id }: Pick<ShownJob, 'id'>): Promise<ShownJob> {
  const answer = await fetch(`${url}/v1/jobs/${id}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as ShownJob;
}

const until = (served: Served, job: ShownJob, status: string) =>
  expect.poll(async () => (await jobOf(served, job)).status, { timeout: 15_000, interval: 25 }).toBe(status);

describe('a gateway that is killed with jobs in every state', () => {
  it('loses none, records each once, and repeats only what may be repeated', {
    timeout: 60_000,
  }, async () => {
    const { backend, told } = await startBackend();
    const models = `${fixedModel([backend.url], 'concurrency: 3')}\nsurfaces: { jobs: {} }\n`;
    const { file, remove } = writeConfig(models);
    world.onClose(remove);
    const first = await Served.start(file);
    world.onClose(() => first.end());
    const succeeded = await order(first, 'answer');
    const failed = await order(first, 'refuse');
    const trying = await order(first, 'busy', { attempts: 100 });
    await until(first, succeeded, 'succeeded');
    await until(first, failed, 'failed');
    await expect.poll(async () => (await jobOf(first, trying)).attempts).toBe(1);
    await until(first, trying, 'queued');
    const running = await order(first, 'hold');
    const once = await order(first, 'hold', { attempts: 1 });
    const streaming = await order(first, 'stream');
    await until(first, running, 'running');
    await until(first, once, 'running');
    await until(first, streaming, 'streaming');
    const queued = await order(first, 'answer');
    const canceled = await order(first, 'answer');
    await fetch(`${first.url}/v1/jobs/${canceled.id}/cancel`, { method: 'POST' });
    await until(first, canceled, 'canceled');
    expect((await jobOf(first, queued)).status).toBe('queued');
    const before = [...told.asked];

    first.kill('SIGKILL');
    await first.exit;
    told.isAfterKill = true;
    const second = await Served.start(file);
    world.onClose(() => second.end());

    for (const job of [running, streaming, queued, trying]) await until(second, job, 'succeeded');
    await until(second, once, 'failed');
    expect((await jobOf(second, once)).error?.code).toBe('job_interrupted');
    expect(await Promise.all([succeeded, failed, canceled].map((job) => jobOf(second, job)))).toMatchObject([
      { status: 'succeeded', attempts: 1 },
      { status: 'failed', attempts: 1, error: { code: 'backend_error' } },
      { status: 'canceled', attempts: 0 },
    ]);
    // Asked again: what had begun and may be repeated, what was to be tried again, and what was queued; nothing else.
    const again = told.asked.slice(before.length).toSorted();
    expect(again).toEqual([running, streaming, queued, trying].map(({ id }) => id).toSorted());
    const result = await fetch(`${second.url}/v1/jobs/${running.id}/result`);
    expect(await result.json()).toEqual({ id: running.id });
  });
});
