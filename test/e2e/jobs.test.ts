import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import { Served, writeConfig } from '../support/served.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** A gateway of its own with jobs on SQLite, before a model that takes `startMs` to start. */
async function configOf(startMs: number): Promise<string> {
  const command = JSON.stringify([
    '{pilotlight}',
    'demo-backend',
    '--port',
    '{port}',
    '--load-time',
    `${startMs}ms`,
  ]);
  const config = writeConfig(`
  m:
    backend: { driver: process, command: ${command}, stopGrace: 100ms }
surfaces: { jobs: {} }
jobs: { lease: 1s, webhooks: { allow: [127.0.0.1], allowHttp: true, timeout: 500ms } }
`);
  world.onClose(() => config.remove());
  return config.file;
}

async function serve(file: string): Promise<Served> {
  const served = await Served.start(file);
  world.onClose(() => served.end());
  return served;
}

async function receiver(): Promise<WebhookReceiver> {
  const started = await startReceiver();
  world.onClose(() => started.close());
  return started;
}

function ask(served: Served, headers: Record<string, string>): Promise<Response> {
  return fetch(`${served.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async', ...headers },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 4 }),
  });
}

interface Shown {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
}

async function resultOf(served: Served, id: string): Promise<Response> {
  return fetch(`${served.url}/v1/jobs/${id}/result`, { headers: { prefer: 'wait=20' } });
}

const id = async (answer: Response): Promise<string> => ((await answer.json()) as Shown).id;
const idsOf = ({ received }: WebhookReceiver) => received.map(({ headers }) => headers['webhook-id']!);

describe('a request with Prefer: respond-async', () => {
  it('is handed over where its model is cold for longer than it waits, and run when that is up', async () => {
    const served = await serve(await configOf(1_500));
    const answer = await ask(served, { 'x-request-timeout': '0.5' });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toMatch(`${served.url}/v1/jobs/job_`);
    const result = await resultOf(served, await id(answer));
    expect([result.status, await result.json()]).toMatchObject([200, { object: 'chat.completion' }]);
  });

  it('has its receiver told, who verifies it by the secret of the gateway', async () => {
    const served = await serve(await configOf(50));
    const to = await receiver();
    await ask(served, { 'x-pilotlight-webhook': to.url });
    await to.count(1);
    const [{ headers, body }] = to.received as [(typeof to.received)[0]];
    const { secret } = (await (await fetch(`${served.url}/v1/webhooks/secret`)).json()) as { secret: string };
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({
      type: 'job.ended',
      data: { status: 'succeeded', answer: { object: 'chat.completion' } },
    });
  });

  it('is answered as ever where its model is up in time', async () => {
    const served = await serve(await configOf(50));
    const answer = await ask(served, { 'x-request-timeout': '20' });
    expect([answer.status, await answer.json()]).toMatchObject([200, { object: 'chat.completion' }]);
  });

  it('streams its events to who follows the job, from where he left', async () => {
    const served = await serve(await configOf(50));
    const made = await fetch(`${served.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'respond-async' },
      body: JSON.stringify({ model: 'm', messages: [], max_tokens: 5, stream: true }),
    });
    const events = `${served.url}/v1/jobs/${await id(made)}/events`;
    const all = await (await fetch(events)).text();
    expect(all).toContain('chat.completion.chunk');
    expect(all).toMatch(/event: state\nid: \d+\ndata: succeeded\n\n$/);
    const numbers = [...all.matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    const rest = await (await fetch(events, { headers: { 'last-event-id': '3' } })).text();
    expect(rest).toBe(all.slice(all.indexOf('\n\n', all.indexOf('id: 3\n')) + 2));
  });

  it('refuses a webhook to an address that none goes to', async () => {
    const served = await serve(await configOf(50));
    const answer = await ask(served, { 'x-pilotlight-webhook': 'http://169.254.169.254/' });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('link-local')]);
  });
});

describe('jobs of a gateway that is killed', () => {
  it('are run by the next, each told of, under one id however often', async () => {
    const file = await configOf(1_000);
    const to = await receiver();
    const first = await serve(file);
    const jobs: string[] = [];
    for (let i = 0; i < 10; i++) jobs.push(await id(await ask(first, { 'x-pilotlight-webhook': to.url })));
    first.kill('SIGKILL');
    await first.exit;
    const next = await serve(file);
    for (const job of jobs) {
      const result = await resultOf(next, job);
      expect([result.status, await result.json()]).toMatchObject([200, { object: 'chat.completion' }]);
    }
    await to.count(10);
    expect(new Set(idsOf(to)).size).toBe(10);
  });

  it('put again by a client that did not hear the answer are the same', async () => {
    const file = await configOf(50);
    const put = async (served: Served) => {
      const body = JSON.stringify({
        path: '/v1/chat/completions',
        body: { model: 'm', messages: [], max_tokens: 1 },
      });
      return fetch(`${served.url}/v1/jobs/order-7`, { method: 'PUT', body });
    };
    const first = await serve(file);
    expect((await put(first)).status).toBe(202);
    first.kill('SIGKILL');
    await first.exit;
    const next = await serve(file);
    expect((await put(next)).status).toBe(200);
    expect((await resultOf(next, 'order-7')).status).toBe(200);
    const list = (await (await fetch(`${next.url}/v1/jobs`)).json()) as { data: Shown[] };
    expect(list.data).toMatchObject([{ id: 'order-7', status: 'succeeded' }]);
  });
});
