import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { KeySettings } from '../../../src/config/settings.ts';
import type { JobDesk } from '../../../src/core/desk.ts';
import { PilotlightError } from '../../../src/core/errors.ts';
import type { JobEvent } from '../../../src/core/job.ts';
import { jobs } from '../../../src/protocols/jobs/surface.ts';
import { deskWith } from '../../support/desk-with.ts';
import { PlayedDesk } from '../../support/played-desk.ts';
import { serveSurface } from '../../support/served-surface.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function key(name: string, priority: KeySettings['priority'] = 'high'): KeySettings {
  return { name, priority, sha256: createHash('sha256').update(name).digest('hex') };
}

async function serve(more: (desk: PlayedDesk) => Partial<JobDesk> = () => ({})) {
  const desk = new PlayedDesk([
    { name: 'llama', contract: 'openai' },
    { name: 'sdxl', contract: 'cog' },
  ]);
  const keys = [key('app'), key('other'), key('modest', 'normal')];
  const { url, close } = await serveSurface(jobs, deskWith(desk, more(desk)), { keys });
  closing.push(close);
  const ask = async (
    method: string,
    path: string,
    { body, headers = {}, as = 'app' }: { body?: string; headers?: Record<string, string>; as?: string } = {},
  ) => {
    const answer = await fetch(url + path, {
      method,
      headers: { 'x-api-key': as, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type') === 'application/json';
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      json: JSON.parse(isJson ? text : '{}'),
    };
  };
  const chat = JSON.stringify({ path: '/v1/chat/completions', body: { model: 'llama', messages: [] } });
  return { desk, ask, chat };
}

describe('a job by POST /v1/jobs', () => {
  it('is asked for with a path and a body, which goes on as it is written', async () => {
    const { desk, ask } = await serve();
    const body = `{"path":"/v1/chat/completions","body":{"model":"llama","seed":12345678901234567890,"messages":[]},
      "priority":"low","force_after":60,"begin_within":120,"end_within":240,"run_for":1.5,"keep":60,"attempts":1,
      "webhook":{"url":"https://example.com/hook","events":["start","completed"]},"metadata":{"order":7}}`;
    const { status, headers, json } = await ask('POST', '/v1/jobs', { body });
    expect([status, headers.get('location')]).toEqual([202, json.urls.self]);
    expect(json).toMatchObject({ object: 'job', model: 'llama', priority: 'low', metadata: { order: 7 } });
    const [order] = desk.orders;
    expect(String((order!.invocation.content as { body: Buffer }).body)).toContain('12345678901234567890');
    expect(order).toMatchObject({
      limits: {
        beginInMs: 120_000,
        endInMs: 240_000,
        forceInMs: 60_000,
        runMs: 1_500,
        keepMs: 60_000,
        maxAttempts: 1,
      },
      webhook: { url: 'https://example.com/hook', events: ['start', 'completed'] },
    });
  });

  it("is asked for with a model and an input, of which the model's contract makes a request", async () => {
    const { desk, ask } = await serve();
    const body = JSON.stringify({
      model: 'sdxl',
      input: { prompt: 'a lamp' },
      webhook: 'https://example.com/h',
    });
    expect((await ask('POST', '/v1/jobs', { body })).status).toBe(202);
    expect(desk.orders[0]).toMatchObject({
      model: 'sdxl',
      invocation: { path: null, content: { input: { prompt: 'a lamp' } } },
      webhook: { url: 'https://example.com/h', events: ['completed'] },
    });
  });

  it.each([
    ['no JSON', 'invalid_body'],
    ['{}', 'bad_request'],
    ['{"model":"sdxl"}', 'bad_request'],
    ['{"model":"nobody","input":{}}', 'model_not_found'],
    ['{"path":"/sleep","body":{"model":"llama"}}', 'route_not_found'],
    ['{"path":"/v1/completions"}', 'bad_request'],
    ['{"path":"/v1/completions","body":{"model":"llama"},"input":{}}', 'bad_request'],
    ['{"model":"sdxl","input":{},"priority":"urgent"}', 'bad_request'],
    ['{"model":"sdxl","input":{},"force_after":5}', 'bad_request'],
    ['{"model":"sdxl","input":{},"attempts":0}', 'bad_request'],
    ['{"model":"sdxl","input":{},"webhook":{"events":["start"]}}', 'bad_request'],
    ['{"model":"sdxl","input":{},"webhook":{"url":"https://a.example","events":["end"]}}', 'bad_request'],
  ])('is refused for %s with %s', async (body, code) => {
    const { desk, ask } = await serve();
    expect((await ask('POST', '/v1/jobs', { body })).json.error.code).toBe(code);
    expect(desk.orders).toEqual([]);
  });

  it('is in no higher class than its key', async () => {
    const { desk, ask } = await serve();
    const body = JSON.stringify({ model: 'sdxl', input: {}, priority: 'high' });
    await ask('POST', '/v1/jobs', { body, as: 'modest' });
    await ask('POST', '/v1/jobs', { body });
    expect(desk.orders.map(({ priority }) => priority)).toEqual(['normal', 'high']);
  });
});

describe('a job by PUT /v1/jobs/{id}', () => {
  it('is the same however often it is put, under the id its client knows', async () => {
    const { desk, ask, chat } = await serve();
    const first = await ask('PUT', '/v1/jobs/order-7', { body: chat });
    expect([first.status, first.json.id]).toEqual([202, 'order-7']);
    const again = await ask('PUT', '/v1/jobs/order-7', { body: chat });
    expect([again.status, again.json.id]).toEqual([200, 'order-7']);
    expect(desk.orders).toHaveLength(1);
    expect((await ask('GET', '/v1/jobs/order-7')).json.urls.self).toMatch(/\/v1\/jobs\/order-7$/);
  });

  it("is another one where another key's client puts the same id", async () => {
    const { desk, ask, chat } = await serve();
    await ask('PUT', '/v1/jobs/order-7', { body: chat });
    expect((await ask('GET', '/v1/jobs/order-7', { as: 'other' })).status).toBe(404);
    expect((await ask('PUT', '/v1/jobs/order-7', { body: chat, as: 'other' })).status).toBe(202);
    expect(new Set(desk.orders.map(({ id }) => id)).size).toBe(2);
  });

  it.each([`job_${'0'.repeat(32)}`, 'a%2Fb', 'x'.repeat(129), '%C3%A9'])('is refused as %s', async (id) => {
    const { desk, ask, chat } = await serve();
    expect((await ask('PUT', `/v1/jobs/${id}`, { body: chat })).json.error.code).toBe('bad_request');
    expect(desk.orders).toEqual([]);
  });
});

describe('a job that was asked for', () => {
  it('is shown, and waited for with Prefer: wait=N', async () => {
    const waits: number[] = [];
    const { desk, ask, chat } = await serve((played) => ({
      wait: async (id, forMs, caller) => {
        waits.push(forMs);
        played.end(id, { state: 'succeeded', answer: { body: '{}' } });
        return played.jobs.get(id, caller);
      },
    }));
    const { id } = (await ask('POST', '/v1/jobs', { body: chat })).json;
    const now = await ask('GET', `/v1/jobs/${id}`);
    expect([now.json.status, now.headers.get('retry-after')]).toEqual(['queued', '1']);
    const ended = await ask('GET', `/v1/jobs/${id}`, { headers: { prefer: 'wait=9' } });
    expect([ended.json.status, ended.headers.get('retry-after'), waits]).toEqual([
      'succeeded',
      null,
      [9_000],
    ]);
    expect(ended.json.result).toEqual({ status: 200, content_type: 'application/json', bytes: 2 });
    expect(desk.orders).toHaveLength(1);
  });

  it('has no result yet (202), then that of the backend, whatever its status', async () => {
    const { desk, ask, chat } = await serve();
    const { id } = (await ask('POST', '/v1/jobs', { body: chat })).json;
    const early = await ask('GET', `/v1/jobs/${id}/result`);
    expect([early.status, early.json.status]).toEqual([202, 'queued']);
    desk.end(id, {
      state: 'failed',
      answer: { status: 400, contentType: 'text/plain', body: 'no such voice' },
    });
    const { status, headers, text } = await ask('GET', `/v1/jobs/${id}/result`);
    expect([status, headers.get('content-type'), text]).toEqual([400, 'text/plain', 'no such voice']);
  });

  it.each([
    ['failed', 'backend_died', 502],
    ['expired', 'job_expired', 504],
    ['failed', 'a code of long ago', 504],
  ] as const)('that is %s with %s has that error for a result', async (state, code, status) => {
    const { desk, ask, chat } = await serve();
    const { id } = (await ask('POST', '/v1/jobs', { body: chat })).json;
    desk.end(id, { state, error: { code, message: 'why', status: null } });
    const result = await ask('GET', `/v1/jobs/${id}/result`);
    expect([result.status, result.json.error.message]).toEqual([status, 'why']);
  });

  it('that was canceled has none: job_conflict', async () => {
    const { ask, chat } = await serve((played) => ({
      cancel: async (id, caller) => {
        played.end(id, { state: 'canceled' });
        return played.jobs.get(id, caller);
      },
    }));
    const { id } = (await ask('POST', '/v1/jobs', { body: chat })).json;
    expect((await ask('POST', `/v1/jobs/${id}/cancel`)).json.status).toBe('canceled');
    expect((await ask('GET', `/v1/jobs/${id}/result`)).json.error.code).toBe('job_conflict');
  });

  it('is removed, and asked for again, where the desk does', async () => {
    const asked: string[] = [];
    const { ask, chat } = await serve((played) => ({
      remove: async (id) => asked.push(`remove ${id}`) > 0,
      retry: async (id, caller) => {
        asked.push(`retry ${id}`);
        return played.jobs.get(id, caller);
      },
    }));
    const { id } = (await ask('POST', '/v1/jobs', { body: chat })).json;
    expect((await ask('DELETE', `/v1/jobs/${id}`)).status).toBe(204);
    expect((await ask('POST', `/v1/jobs/${id}/retry`)).status).toBe(202);
    expect(asked).toEqual([`remove ${id}`, `retry ${id}`]);
  });

  it.each([
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/result'],
    ['GET', '/events'],
    ['POST', '/cancel'],
    ['POST', '/retry'],
  ])("is not there for another key's client: %s %s", async (method, rest) => {
    const { ask, chat } = await serve();
    const { id } = (await ask('POST', '/v1/jobs', { body: chat })).json;
    const { status, json } = await ask(method, `/v1/jobs/${id}${rest}`, { as: 'other' });
    expect([status, json.error.code]).toEqual([404, 'job_not_found']);
  });

  it('is listed by model and state, page by page', async () => {
    const queries: unknown[] = [];
    const { ask, chat } = await serve((played) => ({
      list: async (query, caller) => {
        queries.push(query);
        const job = await played.jobs.get(played.orders[0]!.id!, caller);
        return { jobs: [job!], next: 'further' };
      },
    }));
    await ask('POST', '/v1/jobs', { body: chat });
    const { json } = await ask('GET', '/v1/jobs?model=llama&status=queued,running&limit=1&after=here');
    expect(json).toMatchObject({
      object: 'list',
      has_more: true,
      next: 'further',
      data: [{ model: 'llama' }],
    });
    const states = ['queued', 'running'];
    expect(queries).toEqual([{ surface: 'jobs', limit: 1, model: 'llama', before: 'here', states }]);
    for (const query of ['limit=0', 'limit=101', 'limit=x', 'status=done'])
      expect((await ask('GET', `/v1/jobs?${query}`)).json.error.code).toBe('bad_request');
  });

  it('has its secret for webhooks shown, and changed', async () => {
    const { ask } = await serve(() => ({
      webhookSecret: async ({ tenant }) => `whsec_${tenant}`,
      rotateWebhookSecret: async () => 'whsec_new',
    }));
    expect((await ask('GET', '/v1/webhooks/secret')).json).toEqual({ secret: 'whsec_app' });
    expect((await ask('POST', '/v1/webhooks/secret/rotate')).json).toEqual({ secret: 'whsec_new' });
  });
});

describe('events of a job', () => {
  const all: readonly JobEvent[] = Array.from({ length: 5 }, (_, i) => ({
    seq: i + 3,
    atMs: 0,
    type: i === 4 ? 'state' : 'output',
    data: i === 4 ? 'succeeded' : `{"text":"${i}"}\nsecond line`,
  }));

  async function following() {
    const served = await serve(() => ({
      events: async (_id, after, limit) => all.filter(({ seq }) => seq > after).slice(0, limit),
      wait: () => new Promise(() => undefined),
      async *follow(_id, after) {
        yield* all.filter(({ seq }) => seq > after);
      },
    }));
    const { id } = (await served.ask('POST', '/v1/jobs', { body: served.chat })).json;
    return { ...served, path: `/v1/jobs/${id}/events` };
  }

  it('are SSE with their numbers, from the oldest that is kept', async () => {
    const { ask, path } = await following();
    const { headers, text } = await ask('GET', path);
    expect(headers.get('content-type')).toContain('text/event-stream');
    expect(text.match(/^id: \d+$/gm)).toEqual([3, 4, 5, 6, 7].map((seq) => `id: ${seq}`));
    expect(text).toContain('event: output\nid: 3\ndata: {"text":"0"}\ndata: second line\n\n');
    expect(text).toMatch(/event: state\nid: 7\ndata: succeeded\n\n$/);
  });

  it('go on behind Last-Event-ID, or ?after=', async () => {
    const { ask, path } = await following();
    for (const answer of [
      await ask('GET', path, { headers: { 'last-event-id': '5' } }),
      await ask('GET', `${path}?after=5`),
    ])
      expect(answer.text.match(/^id: \d+$/gm)).toEqual(['id: 6', 'id: 7']);
    expect((await ask('GET', `${path}?after=2`)).text.match(/^id: \d+$/gm)).toHaveLength(5);
  });

  it('are said to be gone where those behind Last-Event-ID are not kept any more', async () => {
    const { ask, path } = await following();
    const { status, json } = await ask('GET', path, { headers: { 'last-event-id': '1' } });
    expect([status, json.error.code]).toEqual([410, 'events_gone']);
    expect((await ask('GET', `${path}?after=soon`)).json.error.code).toBe('bad_request');
  });

  it('are kept alive by a comment each 15 s while nothing happens', async () => {
    let waits = 0;
    const { promise: happened, resolve: release } = Promise.withResolvers<void>();
    const { ask, chat } = await serve((played) => ({
      events: async () => [],
      wait: async (id, forMs, caller) => {
        expect(forMs).toBe(15_000);
        if (++waits === 3) release();
        return waits > 3 ? new Promise(() => undefined) : played.jobs.get(id, caller);
      },
      async *follow() {
        await happened;
        yield all[0]!;
        yield all[4]!;
      },
    }));
    const { id } = (await ask('POST', '/v1/jobs', { body: chat })).json;
    const { text } = await ask('GET', `/v1/jobs/${id}/events`);
    expect(text).toMatch(/^(: the job is under way\n\n){2,3}event: output\nid: 3\n/);
    expect(text).toMatch(/event: state\nid: 7\ndata: succeeded\n\n$/);
    expect(waits).toBeLessThanOrEqual(4);
  });

  it('end with an error that is told, where the store is gone in the middle', async () => {
    const { ask, chat } = await serve(() => ({
      events: async () => [],
      wait: async () => null,
      async *follow() {
        yield all[0]!;
        throw new PilotlightError('store_unavailable', 'gone');
      },
    }));
    const { id } = (await ask('POST', '/v1/jobs', { body: chat })).json;
    await expect(ask('GET', `/v1/jobs/${id}/events`)).rejects.toThrow();
  });
});
