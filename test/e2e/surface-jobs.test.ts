import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, answerJson } from '../support/backend.ts';
import { type SurfaceGateway, type SurfacesOptions, startSurfaces } from '../support/surfaces.ts';
import { fixedModel, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** A job as the native surface shows it. */
interface ShownJob {
  readonly id: string;
  readonly status: string;
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'pilotlight-jobs-'));
  world.onClose(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function start(answer: Answer, more: Partial<SurfacesOptions> = {}) {
  const backend = await world.backend(answer);
  const gateway = await startSurfaces({
    models: fixedModel([backend.url]),
    surfaces: { jobs: '{}' },
    ...more,
  });
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= gateway.close();
    return closing;
  };
  world.onClose(close);
  return { backend, gateway: { ...gateway, close } };
}

/** Hands a chat request over; resolves with its job. */
async function handOver({ url }: SurfaceGateway, more: object = {}): Promise<ShownJob> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async' },
    body: JSON.stringify({ model: 'm', messages: [], ...more }),
  });
  expect(response.status).toBe(202);
  return (await response.json()) as ShownJob;
}

async function jobOf({ url }: SurfaceGateway, id: string): Promise<ShownJob> {
  return (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as ShownJob;
}

const stateOf = async (gateway: SurfaceGateway, id: string) => (await jobOf(gateway, id)).status;

describe.each(['memory', 'sqlite'])('jobs of a gateway on %s', (store) => {
  it('are taken in beside plain requests, run, and answered', async () => {
    const { gateway, backend } = await start(answerJson, { store });
    const { id } = await handOver(gateway);
    await expect.poll(() => stateOf(gateway, id)).toBe('succeeded');
    const result = await fetch(`${gateway.url}/v1/jobs/${id}/result`);
    expect([result.status, await result.json()]).toEqual([200, { ok: true }]);
    expect(backend.seen.map(({ url }) => url)).toEqual(['/v1/chat/completions']);
    const plain = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"model":"m","messages":[]}',
    });
    expect(plain.status).toBe(200);
  });

  it('are counted by state for a scrape', async () => {
    const { gateway } = await start(answerJson, { store });
    const { id } = await handOver(gateway);
    await expect.poll(() => stateOf(gateway, id)).toBe('succeeded');
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('pilotlight_jobs{model="m",state="succeeded"} 1');
    expect(metrics).toContain('pilotlight_jobs{model="m",state="queued"} 0');
    expect(metrics).toContain('pilotlight_job_queue_age_seconds{model="m"} 0');
  });
});

describe('a gateway that ends', () => {
  it('waits for a job that runs, within its drain', async () => {
    const release = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const slow: Answer = async (res) => {
      reached.resolve();
      await release.promise;
      answerJson(res, undefined as never, '');
    };
    const stateDir = folder();
    const { gateway, backend } = await start(slow, { store: 'sqlite', stateDir, drainMs: 30_000 });
    const { id } = await handOver(gateway);
    await reached.promise;
    const closed = gateway.close();
    release.resolve();
    await closed;
    const models = fixedModel([backend.url]);
    const next = await startSurfaces({ models, surfaces: { jobs: '{}' }, store: 'sqlite', stateDir });
    world.onClose(() => next.close());
    expect(await stateOf(next, id)).toBe('succeeded');
    expect(backend.seen.length).toBe(1);
  });

  it('leaves a job that takes longer to the next, which runs it again', async () => {
    let asked = 0;
    const reached = Promise.withResolvers<void>();
    const firstHangs: Answer = (res) => {
      asked++;
      if (asked > 1) answerJson(res, undefined as never, '');
      else reached.resolve();
    };
    const stateDir = folder();
    const { gateway, backend } = await start(firstHangs, { store: 'sqlite', stateDir, drainMs: 100 });
    const { id } = await handOver(gateway);
    await reached.promise;
    await gateway.close();
    const models = fixedModel([backend.url]);
    const next = await startSurfaces({ models, surfaces: { jobs: '{}' }, store: 'sqlite', stateDir });
    world.onClose(() => next.close());
    await expect.poll(() => stateOf(next, id), { timeout: 10_000 }).toBe('succeeded');
    expect(asked).toBe(2);
  });
});

describe('webhooks of a gateway', () => {
  it('are delivered once their job has ended, and counted', async () => {
    const told: { readonly headers: object; readonly body: string }[] = [];
    const receiver = createServer(async (req, res) => {
      let body = '';
      for await (const chunk of req) body += String(chunk);
      told.push({ headers: req.headers, body });
      res.end();
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    world.onClose(() => void receiver.close());
    const rest = 'jobs: { webhooks: { allow: [127.0.0.1], allowHttp: true } }';
    const { gateway } = await start(answerJson, { rest });
    const { port } = receiver.address() as AddressInfo;
    const response = await fetch(`${gateway.url}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'm',
        path: '/v1/chat/completions',
        body: { model: 'm', messages: [] },
        webhook: { url: `http://127.0.0.1:${port}/hook`, events: ['completed'] },
      }),
    });
    expect([response.status, await response.text()]).toEqual([202, expect.stringContaining('"queued"')]);
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]!.headers).toMatchObject({ 'webhook-signature': expect.stringMatching(/^v1,/) });
    expect(told[0]!.body).toContain('"succeeded"');
    const metrics = async () => await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    await expect
      .poll(metrics)
      .toContain('pilotlight_webhook_tries_total{surface="jobs",outcome="delivered"} 1');
  });
});
