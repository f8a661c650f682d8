import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import type { JobDesk } from '../../../src/core/desk.ts';
import type { ErrorCode } from '../../../src/core/error-table.ts';
import { PilotlightError } from '../../../src/core/errors.ts';
import { jobs } from '../../../src/protocols/jobs/surface.ts';
import { deskWith } from '../../support/desk-with.ts';
import { PlayedDesk, pieces } from '../../support/played-desk.ts';
import { serveSurface } from '../../support/served-surface.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const model = { name: 'llama', aliases: ['gpt-4o'], contract: 'openai' } as const;

async function serve(refusal: ErrorCode | null = null, more: Partial<JobDesk> = {}) {
  const desk = new PlayedDesk([model], () => {
    if (refusal !== null) throw new PilotlightError(refusal, `played: ${refusal}`);
    return { body: '{"object":"chat.completion"}' };
  });
  const { url, close } = await serveSurface(jobs, deskWith(desk, more));
  closing.push(close);
  const post = (prefer: string, headers: Record<string, string> = {}, body: object = {}) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer, ...headers },
      body: JSON.stringify({ model: 'gpt-4o', messages: [], ...body }),
    });
  return { desk, url, post };
}

describe("a request on a route of OpenAI's with Prefer: respond-async", () => {
  it('is a job at once: 202, with where and when to ask', async () => {
    const { desk, url, post } = await serve();
    const answer = await post('respond-async', { 'idempotency-key': 'k1', 'x-pilotlight-priority': 'low' });
    expect(answer.status).toBe(202);
    const job = (await answer.json()) as { id: string; status: string; urls: { self: string } };
    expect(job).toMatchObject({
      object: 'job',
      status: 'queued',
      model: 'llama',
      path: '/v1/chat/completions',
    });
    expect(answer.headers.get('location')).toBe(`${url}/v1/jobs/${job.id}`);
    expect(job.urls.self).toBe(answer.headers.get('location'));
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(answer.headers.get('preference-applied')).toBe('respond-async');
    expect(desk.asked).toEqual([]);
    const [order] = desk.orders;
    expect(order).toMatchObject({ model: 'llama', priority: 'low', idempotencyKey: 'k1', webhook: null });
    expect(order!.invocation).toMatchObject({
      path: '/v1/chat/completions',
      method: 'POST',
      isStream: false,
    });
  });

  it('is the same job where it is tried again with the same key', async () => {
    const { desk, post } = await serve();
    const tries = [1, 2].map(() => post('respond-async', { 'idempotency-key': 'k1' }));
    const [one, two] = (await Promise.all((await Promise.all(tries)).map((answer) => answer.json()))) as {
      id: string;
    }[];
    expect(one!.id).toBe(two!.id);
    expect(desk.orders).toHaveLength(1);
  });

  it('is answered where its job ends within wait=N, with what the backend answered', async () => {
    const { desk, post } = await serve(null, {
      wait: async (id, forMs, caller) => {
        expect(forMs).toBe(5_000);
        desk.end(id, { state: 'succeeded', answer: { status: 418, contentType: 'text/plain', body: 'tea' } });
        return desk.jobs.get(id, caller);
      },
    });
    const answer = await post('respond-async, wait=5');
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      418,
      'text/plain',
      'tea',
    ]);
  });

  it('is handed over where its job does not end within wait=N', async () => {
    const { desk, post } = await serve(null, { wait: (id, _forMs, caller) => desk.jobs.get(id, caller) });
    expect((await post('respond-async, wait=5')).status).toBe(202);
  });

  it('is held as a live request where the client says how long it waits, and makes no job where it gets a slot', async () => {
    const { desk, post } = await serve();
    const answer = await post('respond-async', { 'x-request-timeout': '30' });
    expect([answer.status, await answer.text()]).toEqual([200, '{"object":"chat.completion"}']);
    expect(desk.orders).toEqual([]);
    expect(desk.asked[0]!.ask).toMatchObject({ model: 'llama', patienceMs: 29_000 });
    // The 202 has to be there before the client goes.
    await post('respond-async', { 'x-request-timeout': '2' });
    expect(desk.asked[1]!.ask.patienceMs).toBe(1_800);
  });

  it.each(['queue_timeout', 'would_not_make_it', 'cold', 'queue_full'] as const)(
    'becomes a job where it would be refused with %s',
    async (code) => {
      const { desk, post } = await serve(code);
      const answer = await post('respond-async', { 'x-request-timeout': '30' });
      expect(answer.status).toBe(202);
      expect(desk.orders).toHaveLength(1);
    },
  );

  it('is a job in any case where it has an idempotency key or a webhook, and is waited for as long as its client waits', async () => {
    const waits: number[] = [];
    const { desk, post } = await serve(null, {
      wait: async (id, forMs, caller) => {
        waits.push(forMs);
        desk.end(id, { state: 'succeeded', answer: { body: '{"from":"job"}' } });
        return desk.jobs.get(id, caller);
      },
    });
    const time = { 'x-request-timeout': '30' };
    const keyed = await post('respond-async', { ...time, 'idempotency-key': 'k1' });
    expect(await keyed.json()).toEqual({ from: 'job' });
    await post('respond-async', { ...time, 'x-pilotlight-webhook': 'https://example.com/hook' });
    expect(waits).toEqual([29_000, 29_000]);
    const stream = await post('respond-async', { ...time, 'idempotency-key': 'k2' }, { stream: true });
    expect(stream.status).toBe(202);
    expect([desk.asked.length, desk.orders.length]).toEqual([0, 3]);
  });

  it.each(['start_failed', 'backend_reset', 'draining'] as const)(
    'is refused with %s, which no job would mend',
    async (code) => {
      const { desk, post } = await serve(code);
      const answer = await post('respond-async', { 'x-request-timeout': '30' });
      expect(((await answer.json()) as { error: { code: string } }).error.code).toBe(code);
      expect(desk.orders).toEqual([]);
    },
  );

  it('streams live where it has a slot within wait=N, and becomes a job that streams where it has not', async () => {
    const live = new PlayedDesk([model], () => ({
      contentType: 'text/event-stream',
      body: pieces(['data: {}\n\n', 'data: [DONE]\n\n']),
    }));
    const served = await serveSurface(jobs, live);
    closing.push(() => served.close());
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'respond-async, wait=3' },
      body: JSON.stringify({ model: 'llama', messages: [], stream: true }),
    };
    const answer = await fetch(`${served.url}/v1/chat/completions`, request);
    expect(await answer.text()).toBe('data: {}\n\ndata: [DONE]\n\n');
    expect(live.asked[0]!.ask.patienceMs).toBe(3_000);
    const { desk, post } = await serve('queue_timeout');
    expect((await post('respond-async, wait=3', {}, { stream: true })).status).toBe(202);
    expect(desk.orders[0]!.invocation.isStream).toBe(true);
  });

  it('is refused as on its route: an unknown model, a body that is none, a contract that cannot', async () => {
    const { url, post } = await serve();
    const unknown = await post('respond-async', {}, { model: 'nobody' });
    expect([unknown.status, await unknown.json()]).toMatchObject([
      404,
      { error: { code: 'model_not_found' } },
    ]);
    const broken = await fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'respond-async' },
      body: '{"model":',
    });
    expect([broken.status, await broken.json()]).toMatchObject([400, { type: 'error' }]);
  });

  it('names a form by its field, as the plain route does', async () => {
    const { desk, url } = await serve();
    const form = new FormData();
    form.set('model', 'gpt-4o');
    form.set('file', new Blob(['RIFF']), 'a.wav');
    const headers = { prefer: 'respond-async' };
    const answer = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', headers, body: form });
    expect(answer.status).toBe(202);
    const [{ model: name, invocation }] = desk.orders as [(typeof desk.orders)[0]];
    expect(name).toBe('llama');
    expect(invocation.contentType).toMatch(/^multipart\/form-data; boundary=/);
    expect((invocation.content as { body: Buffer }).body.includes('RIFF')).toBe(true);
  });

  it('has OpenAI’s client get the job in place of the completion', async () => {
    const { url } = await serve();
    const client = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1` });
    const headers = { Prefer: 'respond-async, wait=0' };
    const made: unknown = await client.chat.completions.create(
      { model: 'gpt-4o', messages: [] },
      { headers },
    );
    expect(made).toMatchObject({ object: 'job', status: 'queued' });
  });

  it('is taken by this surface beside OpenAI’s own routes, and no other request is', () => {
    const routes = jobs.routes({ limits: 'own', isBesideOpenai: true });
    const chat = routes.find(({ path }) => path === '/v1/chat/completions')!;
    expect(chat.takes!({ prefer: 'respond-async' })).toBe(true);
    expect(chat.takes!({ prefer: 'wait=5' })).toBe(false);
    expect(chat.takes!({})).toBe(false);
    expect(routes.find(({ path }) => path === '/v1/jobs')!.takes).toBeUndefined();
  });

  it('needs no header under a prefix of its own: what does not say it is a live request', async () => {
    const { desk, post } = await serve();
    expect((await post('')).status).toBe(200);
    expect(desk.orders).toEqual([]);
  });
});
