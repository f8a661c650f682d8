import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, answerJson } from '../support/backend.ts';
import { chat, type Gateway } from '../support/gateway.ts';
import { Fixture, staticModel } from './fixture.ts';

const fixture = new Fixture();
afterEach(() => fixture.close());

const page = 'https://page.example';
const other = 'https://other.example';

async function start(corsOrigins: string[], answer: Answer = answerJson, rest = ''): Promise<Gateway> {
  const backend = await fixture.backend(answer);
  const models = staticModel(backend.url, 'concurrency: 1\n    queue: { max: 1 }');
  return fixture.gateway(models, { server: { corsOrigins }, rest });
}

function ask(gateway: Gateway, init: RequestInit, path = '/v1/chat/completions'): Promise<Response> {
  return fetch(gateway.url + path, init);
}

function from(origin: string | null, model = 'm', headers: Record<string, string> = {}): RequestInit {
  const own = origin === null ? {} : { origin };
  return { ...chat(model), headers: { 'content-type': 'application/json', ...own, ...headers } };
}

function preflight(origin: string, method = 'POST', headers = 'authorization,content-type'): RequestInit {
  return {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': headers,
    },
  };
}

const corsFields = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));
const vary = ({ headers }: Response) => headers.get('vary')?.toLowerCase().split(/, */) ?? [];

describe('a preflight', () => {
  it('is answered for an allowed origin, on any path, without a key and without the backend', async () => {
    const sha256 = createHash('sha256').update('key').digest('hex');
    const gateway = await start([page], answerJson, `auth: { keys: [{ name: k, sha256: ${sha256} }] }`);
    for (const path of ['/v1/chat/completions', '/v1/models', '/any/page']) {
      const response = await ask(gateway, preflight(page), path);
      expect(response.status).toBe(204);
      expect(corsFields(response)).toEqual({
        'access-control-allow-origin': page,
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers': 'authorization,content-type',
        'access-control-max-age': '600',
      });
      expect(vary(response)).toEqual(expect.arrayContaining(['origin', 'access-control-request-headers']));
    }
  });

  it('gets no field for another origin', async () => {
    const gateway = await start([page]);
    const response = await ask(gateway, preflight(other));
    expect([response.status, corsFields(response)]).toEqual([405, {}]);
    expect(vary(response)).toContain('origin');
  });

  it('is no more than another method where CORS is off', async () => {
    const response = await ask(await start([]), preflight(page));
    expect([response.status, corsFields(response), vary(response)]).toEqual([405, {}, []]);
  });

  it('is only what asks for a method: OPTIONS itself is passed on or refused', async () => {
    const gateway = await start([page], (res, req) => res.end(req.method));
    const init = { method: 'OPTIONS', headers: { origin: page } };
    expect((await ask(gateway, init)).status).toBe(405);
    const passed = await ask(gateway, init, '/any/page');
    expect([passed.status, await passed.text()]).toEqual([200, 'OPTIONS']);
  });
});

describe('an answer', () => {
  it('names the allowed origin and what a page may read, never credentials', async () => {
    const response = await ask(await start([other, page]), from(page));
    expect(response.status).toBe(200);
    const fields = corsFields(response);
    expect(Object.keys(fields).sort()).toEqual([
      'access-control-allow-origin',
      'access-control-expose-headers',
    ]);
    expect(fields['access-control-allow-origin']).toBe(page);
    const readable = ['x-request-id', 'retry-after', 'retry-after-ms', 'x-should-retry', 'server-timing'];
    for (const name of [...readable, 'x-pilotlight-cold-start'])
      expect(fields['access-control-expose-headers']).toContain(name);
    expect(vary(response)).toEqual(['origin']);
  });

  it.each([other, `${page}.evil.example`, 'null', 'http://page.example'])(
    'has no field for the origin %s',
    async (origin) => {
      const response = await ask(await start([page]), from(origin));
      expect([response.status, corsFields(response), vary(response)]).toEqual([200, {}, ['origin']]);
    },
  );

  it('has none without an origin, and says that it would differ with one', async () => {
    const response = await ask(await start([page]), from(null));
    expect([corsFields(response), vary(response)]).toEqual([{}, ['origin']]);
  });

  it('allows every origin with *, still without credentials', async () => {
    const gateway = await start(['*']);
    for (const response of [await ask(gateway, from(other)), await ask(gateway, preflight(other))]) {
      expect(corsFields(response)).toMatchObject({ 'access-control-allow-origin': '*' });
      expect(corsFields(response)).not.toHaveProperty('access-control-allow-credentials');
    }
  });

  it('has the fields as a stream', async () => {
    const gateway = await start([page], (res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.end('data: [DONE]\n\n');
    });
    const response = await ask(gateway, from(page));
    expect(await response.text()).toBe('data: [DONE]\n\n');
    expect(corsFields(response)).toMatchObject({ 'access-control-allow-origin': page });
  });

  it('has the fields as a list of models', async () => {
    const response = await ask(await start([page]), { headers: { origin: page } }, '/v1/models');
    expect(corsFields(response)).toMatchObject({ 'access-control-allow-origin': page });
  });
});

describe('an error', () => {
  const expectFields = (response: Response, status: number) => {
    expect(response.status).toBe(status);
    expect(corsFields(response)).toMatchObject({ 'access-control-allow-origin': page });
    expect(vary(response)).toContain('origin');
  };

  it('has the fields with 401', async () => {
    const sha256 = createHash('sha256').update('key').digest('hex');
    const gateway = await start([page], answerJson, `auth: { keys: [{ name: k, sha256: ${sha256} }] }`);
    expectFields(await ask(gateway, from(page)), 401);
  });

  it('has the fields with 400, 404 and 405', async () => {
    const gateway = await start([page]);
    expectFields(await ask(gateway, { ...from(page), body: '{' }), 400);
    expectFields(await ask(gateway, from(page, 'nobody')), 404);
    expectFields(await ask(gateway, from(page), '/nowhere'), 404);
    expectFields(await ask(gateway, { headers: { origin: page } }), 405);
  });

  it('has the fields with 429 and 503', async () => {
    const held: (() => void)[] = [];
    const gateway = await start([page], (res) => {
      held.push(() => res.end('late'));
    });
    const first = ask(gateway, from(page));
    const second = ask(gateway, from(page));
    const waiting = async () => {
      const model = await (await fetch(`${gateway.adminUrl}/api/models/m`)).json();
      return (model as { queue: { waiting: number } }).queue.waiting;
    };
    await expect.poll(waiting).toBe(1);
    expectFields(await ask(gateway, from(page)), 429);
    await fetch(`${gateway.adminUrl}/api/models/any/pause`, { method: 'POST' });
    expectFields(await ask(gateway, from(page), '/any/page'), 503);
    for (let answered = 0; answered < 2; answered++) {
      await expect.poll(() => held.length).toBe(answered + 1);
      held[answered]!();
    }
    for (const response of await Promise.all([first, second])) expectFields(response, 200);
  });

  it('has the fields with 502', async () => {
    expectFields(await ask(await start([page], (res) => res.destroy()), from(page)), 502);
  });
});

describe("a backend's own CORS fields", () => {
  it('give way to those of the gateway: two of them would be refused', async () => {
    const gateway = await start([page], (res) =>
      res.writeHead(200, { 'access-control-allow-origin': '*', 'x-own': 'yes' }).end('{}'),
    );
    const response = await ask(gateway, from(page));
    expect([response.headers.get('access-control-allow-origin'), response.headers.get('x-own')]).toEqual([
      page,
      'yes',
    ]);
  });
});
