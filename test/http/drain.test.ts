import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, answerJson } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { chatRequest, Fixture, type GatewayChange, staticModel } from './fixture.ts';
import { lastAnswer } from './raw.ts';

const fixture = new Fixture();
afterEach(() => fixture.close());

async function start(answer: Answer = answerJson, change: GatewayChange = {}): Promise<Gateway> {
  const backend = await fixture.backend(answer);
  return fixture.gateway(staticModel(backend.url, 'concurrency: 1'), change);
}

const ok = /"ok":true/;

/** A stream that the test ends. */
function heldStream(): { answer: Answer; finish: (count: number) => Promise<void> } {
  const open: ServerResponse[] = [];
  return {
    answer: (res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: one\n\n');
      open.push(res);
    },
    finish: async (index) => {
      await expect.poll(() => open.length).toBeGreaterThan(index);
      open[index]!.end('data: two\n\n');
    },
  };
}

async function timed(run: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now();
  await run();
  return performance.now() - startedAtMs;
}

describe('draining', () => {
  it('fails readiness, answers 503 on an open listener, serves what runs and waits, then ends', async () => {
    const { answer, finish } = heldStream();
    const gateway = await start(answer);
    const running = fixture.client(gateway.url).write(chatRequest());
    await running.until(/data: one/);
    const waiting = fixture.client(gateway.url).write(chatRequest());
    const model = async () => (await (await fetch(`${gateway.adminUrl}/api/models/m`)).json()) as object;
    await expect.poll(model).toMatchObject({ queue: { waiting: 1 } });

    const closing = gateway.close();
    const ready = await fetch(`${gateway.adminUrl}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { status: 'draining' }]);
    expect(ready.headers.get('retry-after')).toBe('1');
    expect(ready.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
    expect((await fetch(`${gateway.adminUrl}/healthz`)).status).toBe(200);
    const late = await fixture.client(gateway.url).write(chatRequest()).closed();
    expect(lastAnswer(late)).toMatchObject({ status: 503, code: 'draining' });
    for (const field of [
      'connection: close',
      'retry-after: 1',
      'retry-after-ms: 1000',
      'x-should-retry: true',
    ])
      expect(lastAnswer(late).fields).toContain(field);

    await finish(0);
    await running.until(/data: two/);
    await finish(1);
    await waiting.until(/data: one[\s\S]*data: two/);
    await closing;
    await expect(fetch(gateway.url)).rejects.toThrow();
  });

  it('closes idle connections while it goes on, and takes no more on those that were busy', async () => {
    const { answer, finish } = heldStream();
    const gateway = await start((res, req, body) =>
      body.includes('"user"') ? answerJson(res, req, body) : answer(res, req, body),
    );
    const idle = fixture.client(gateway.url);
    await idle.write(chatRequest('', '{"model":"m","user":"x"}')).until(ok);
    const running = fixture.client(gateway.url).write(chatRequest());
    await running.until(/data: one/);
    const closing = gateway.close();
    await idle.closed();
    running.write(chatRequest('', '{"model":"m","user":"x"}'));
    await finish(0);
    expect(lastAnswer(await running.closed())).toMatchObject({ status: 503, code: 'draining' });
    expect(running.text).toContain('data: two');
    await closing;
  });

  it('is quick when nothing is under way, whatever connections are open', async () => {
    const gateway = await start();
    const used = fixture.client(gateway.url);
    await used.write(chatRequest()).until(ok);
    const unused = fixture.client(gateway.url);
    const half = fixture.client(gateway.url).write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n');
    const admin = fixture.client(gateway.adminUrl);
    await admin.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n').until(/ok/);
    await Promise.all([unused, half].map(({ socket }) => socket.connecting && once(socket, 'connect')));
    // Answers on later connections show that the half request was read.
    for (let i = 0; i < 3; i++) await fixture.client(gateway.url).write(chatRequest()).until(ok);
    expect(await timed(() => gateway.close())).toBeLessThan(1_000);
    await Promise.all([used, unused, half, admin].map((client) => client.closed()));
  });

  it('cuts a body that does not come when its time has passed', async () => {
    const gateway = await start(answerJson, { server: { drainMs: 300 } });
    const client = fixture.client(gateway.url);
    client.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{');
    // An answer on a second connection shows that the first was read.
    await fixture.client(gateway.url).write(chatRequest()).until(ok);
    expect(await timed(() => gateway.close())).toBeLessThan(2_000);
    expect(lastAnswer(await client.closed())).toMatchObject({ status: 503, code: 'draining' });
  });

  it('tells whom its time has passed for, in a stream and in the queue', async () => {
    const { answer } = heldStream();
    const gateway = await start(answer, { server: { drainMs: 300 } });
    const running = fixture.client(gateway.url).write(chatRequest());
    await running.until(/data: one/);
    const waiting = fixture.client(gateway.url).write(chatRequest());
    const model = async () => (await (await fetch(`${gateway.adminUrl}/api/models/m`)).json()) as object;
    await expect.poll(model).toMatchObject({ queue: { waiting: 1 } });
    const tookMs = await timed(() => gateway.close());
    expect(tookMs).toBeGreaterThanOrEqual(295);
    expect(tookMs).toBeLessThan(2_000);
    expect(lastAnswer(await waiting.closed())).toMatchObject({ status: 503, code: 'draining' });
    expect(await running.closed()).toMatch(/data: one[\s\S]*"code":"draining"/);
    expect(running.text).not.toMatch(/0\r\n\r\n$/);
  });

  it('lets a slow client read what is written already', async () => {
    const size = 8_000_000;
    const gateway = await start((res) => res.end('x'.repeat(size)), { server: { drainMs: 5_000 } });
    const client = fixture.client(gateway.url).write(chatRequest());
    await client.until(/xxx/);
    client.socket.pause();
    const closing = gateway.close();
    await expect.poll(async () => (await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(503);
    client.socket.resume();
    const text = await client.closed();
    expect(text.match(/x/g)!.length).toBeGreaterThanOrEqual(size);
    await closing;
  });
});
