import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, answerJson } from '../support/backend.ts';
import { chat, type Gateway, settingsOf, startGateway } from '../support/gateway.ts';
import { fixedModel, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const backendOf = (answer: Answer) => world.backend(answer);
/** With time to drain what runs, as it ships. */
const gatewayOf = (models: string, rest?: string) => world.gateway(models, rest, 60_000);

const post = (gateway: Gateway, more: object = {}) =>
  fetch(`${gateway.url}/v1/chat/completions`, chat('m', more));

async function errorOf(response: Response): Promise<{ code: string; message: string }> {
  return ((await response.json()) as { error: { code: string; message: string } }).error;
}

describe('promise 1: an accepted request ends in an answer or a named error', () => {
  it('passes the answer on with status, fields and body', async () => {
    const backend = await backendOf((res) => res.writeHead(201, { 'x-own': 'yes' }).end('made'));
    const response = await post(await gatewayOf(fixedModel([backend.url])));
    expect([response.status, response.headers.get('x-own'), await response.text()]).toEqual([
      201,
      'yes',
      'made',
    ]);
    expect(response.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
    expect(backend.seen[0]!.headers).toMatchObject({
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '127.0.0.1',
    });
    expect(backend.seen[0]!.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it('names a deadline that passed in the queue', async () => {
    const backend = await backendOf(() => undefined);
    const gateway = await gatewayOf(
      fixedModel([backend.url], 'concurrency: 1\n    queue: { timeout: 200ms }'),
    );
    const held = new AbortController();
    const first = fetch(`${gateway.url}/v1/chat/completions`, { ...chat('m'), signal: held.signal }).catch(
      () => null,
    );
    await expect.poll(() => backend.seen.length).toBe(1);
    const second = await post(gateway);
    expect(second.status).toBe(503);
    expect(second.headers.get('x-should-retry')).toBe('false');
    expect((await errorOf(second)).code).toBe('queue_timeout');
    held.abort();
    await first;
  });

  it('cuts the connection of an answer that broke off, so that it never looks whole', async () => {
    const backend = await backendOf((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: {"n":1}\n\n', () => setImmediate(() => res.destroy()));
    });
    const response = await post(await gatewayOf(fixedModel([backend.url])), { stream: true });
    let text = '';
    const read = async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
    };
    await expect(read()).rejects.toThrow();
    expect(text).toContain('data: {"n":1}\n\n');
    expect(text).toContain('"code":"backend_reset"');
    expect(text).not.toContain('[DONE]');
  });
});

describe('promise 2: a request reaches a backend at most once', () => {
  it('is not repeated when the backend resets after it was sent', async () => {
    const backend = await backendOf((_res, req) => req.socket.destroy());
    const response = await post(await gatewayOf(fixedModel([backend.url])));
    expect(response.status).toBe(502);
    expect((await errorOf(response)).code).toBe('backend_reset');
    expect(backend.seen).toHaveLength(1);
  });

  it('goes to another replica when one refuses the connection', async () => {
    const [gone, alive] = [await backendOf(answerJson), await backendOf(answerJson)];
    const gateway = await gatewayOf(fixedModel([gone.url, alive.url]));
    await expect.poll(() => post(gateway).then((r) => r.status)).toBe(200);
    await gone.close();
    const statuses = await Promise.all(Array.from({ length: 10 }, () => post(gateway).then((r) => r.status)));
    expect(statuses).toEqual(Array(10).fill(200));
  });

  it('waits on while the replica answers that it is loading', async () => {
    let loads = 2;
    const backend = await backendOf((res, req, body) => {
      if (loads-- > 0) res.writeHead(503).end('{"error":"Loading model"}');
      else answerJson(res, req, body);
    });
    const response = await post(await gatewayOf(fixedModel([backend.url])));
    expect(response.status).toBe(200);
    expect(backend.seen).toHaveLength(3);
  });
});

describe('promise 3: a limit is never exceeded', () => {
  it('holds 200 at once to 10 at the backend', async () => {
    // Ten are answered at a time, when all of them have come: fewer than ten at once would wait for ever.
    const held: (() => void)[] = [];
    const backend = await backendOf((res, req, body) => {
      held.push(() => answerJson(res, req, body));
      if (held.length === 10) for (const answer of held.splice(0)) setImmediate(answer);
    });
    const gateway = await gatewayOf(fixedModel([backend.url], 'concurrency: 10'));
    const statuses = await Promise.all(
      Array.from({ length: 200 }, () => post(gateway).then((r) => r.status)),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(backend.peak()).toBe(10);
  });
});

describe('promise 4: first come, first served', () => {
  it('serves waiters of one class in the order of their arrival', async () => {
    const backend = await backendOf(answerJson);
    backend.isReady = false;
    const gateway = await gatewayOf(fixedModel([backend.url], 'concurrency: 1'));
    const waiting = async () =>
      ((await (await fetch(`${gateway.adminUrl}/api/models/m`)).json()) as { queue: { waiting: number } })
        .queue.waiting;
    const answers: Promise<Response>[] = [];
    for (let n = 0; n < 5; n++) {
      answers.push(post(gateway, { n }));
      await expect.poll(waiting).toBe(n + 1);
    }
    backend.isReady = true;
    await Promise.all(answers);
    expect(backend.seen.map(({ body }) => (JSON.parse(body) as { n: number }).n)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('promise 5: memory is bounded by configuration', () => {
  it('refuses a body over the limit before it is read whole, and the sender sees the answer', async () => {
    const backend = await backendOf(answerJson);
    const gateway = await gatewayOf(fixedModel([backend.url]), '');
    const req = request(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': String(64 * 1024 * 1024) },
    });
    req.on('error', () => undefined);
    req.write(Buffer.alloc(64 * 1024, 0x20));
    const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage];
    expect(res.statusCode).toBe(413);
    req.destroy();
  });

  it('spools bodies over heldMemory and sends them whole', async () => {
    const backend = await backendOf((res, _req, body) => res.end(String(body.length)));
    const gateway = await gatewayOf(fixedModel([backend.url], 'sendModel: another-name'), '');
    const tight = await startGateway({
      ...settingsOf(fixedModel([backend.url])),
      server: { ...settingsOf(fixedModel([backend.url])).server, heldMemoryBytes: 1024 },
    });
    world.onClose(() => tight.close());
    const padding = 'x'.repeat(500_000);
    const sizes = await Promise.all(
      [gateway, tight].map((one) => post(one, { padding }).then((r) => r.text())),
    );
    const size = JSON.stringify({
      model: 'm',
      messages: [{ role: 'user', content: 'Hello' }],
      padding,
    }).length;
    expect(sizes).toEqual([String(size + 'another-name'.length - 1), String(size)]);
  });
});

describe('promise 8: a restart drains', () => {
  it('serves what runs, refuses what is new, and then ends', async () => {
    const backend = await backendOf((res) => void setTimeout(() => res.end('late'), 300));
    const gateway = await startGateway(settingsOf(fixedModel([backend.url])));
    const running = post(gateway).then((r) => r.text());
    await expect.poll(() => backend.seen.length).toBe(1);
    const closed = gateway.close();
    await expect.poll(() => post(gateway).then((r) => r.status)).toBe(503);
    expect(await running).toBe('late');
    await closed;
    await expect(post(gateway)).rejects.toThrow();
  });
});

describe('the request port', () => {
  it('answers development routes of a backend with 404', async () => {
    const backend = await backendOf(answerJson);
    const gateway = await gatewayOf(fixedModel([backend.url]));
    for (const path of ['/sleep', '/collective_rpc', '/upstream/m/sleep']) {
      const response = await fetch(gateway.url + path, { method: 'POST' });
      expect(response.status).toBe(404);
      expect((await errorOf(response)).code).toBe('route_not_found');
    }
    expect(backend.seen).toHaveLength(0);
  });

  it('keeps the client key to itself and gives the backend its own', async () => {
    const backend = await backendOf(answerJson);
    const models = fixedModel([backend.url]).replace(
      'ready:',
      'headers: { authorization: Bearer backend }, ready:',
    );
    const gateway = await gatewayOf(models, 'auth: { keys: [{ name: app, key: secret-of-the-app }] }');
    expect((await post(gateway)).status).toBe(401);
    const request = chat('m');
    const headers = { ...(request.headers as object), authorization: 'Bearer secret-of-the-app' };
    const response = await fetch(`${gateway.url}/v1/chat/completions`, { ...request, headers });
    expect(response.status).toBe(200);
    expect(backend.seen[0]!.headers.authorization).toBe('Bearer backend');
  });

  it('takes paths of a match rule, and the admin port passes a page of the backend', async () => {
    const backend = await backendOf((res, req) => res.end(req.url));
    const gateway = await gatewayOf(fixedModel([backend.url], 'match: { paths: [/tts], stripPrefix: true }'));
    expect(await (await fetch(`${gateway.url}/tts/say?x=1`)).text()).toBe('/say?x=1');
    expect(await (await fetch(`${gateway.adminUrl}/upstream/m/page`)).text()).toBe('/page');
    expect((await fetch(`${gateway.url}/ttsx`)).status).toBe(404);
  });
});

describe('a changed configuration', () => {
  it('is taken without dropping a request', async () => {
    const [before, after] = [
      await backendOf((res) => void setTimeout(() => res.end('before'), 200)),
      await backendOf((res) => res.end('after')),
    ];
    const gateway = await gatewayOf(fixedModel([before.url]));
    const running = post(gateway).then((r) => r.text());
    await expect.poll(() => before.seen.length).toBe(1);
    gateway.app.reload(settingsOf(fixedModel([after.url])));
    await expect.poll(() => post(gateway).then((r) => r.text())).toBe('after');
    expect(await running).toBe('before');
    gateway.app.reload(settingsOf(fixedModel([after.url]).replace('  m:', '  renamed:')));
    expect((await post(gateway)).status).toBe(404);
  });
});
