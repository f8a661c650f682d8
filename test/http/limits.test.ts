import { afterEach, describe, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { chatRequest, Fixture, type GatewayChange, staticModel } from './fixture.ts';
import { lastAnswer, RawClient } from './raw.ts';

const fixture = new Fixture();
afterEach(() => fixture.close());

async function start(change: GatewayChange): Promise<{ gateway: Gateway; client: RawClient }> {
  const backend = await fixture.backend(answerJson);
  const gateway = await fixture.gateway(staticModel(backend.url), change);
  return { gateway, client: fixture.client(gateway.url) };
}

const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n';
const ok = /\{"ok":true\}/;

describe('the size of a head', () => {
  it('is refused with 431 past headerSize, to a client that goes on sending as well', async () => {
    const { gateway } = await start({ limits: { headerBytes: 4096 } });
    for (let i = 0; i < 10; i++) {
      const client = fixture.client(gateway.url).write(`${head}x-long: ${'a'.repeat(500_000)}`);
      expect(lastAnswer(await client.closed())).toMatchObject({ status: 431, code: 'headers_too_large' });
    }
  });

  it('may be what headerSize says', async () => {
    const { client } = await start({ limits: { headerBytes: 64 * 1024 } });
    client.write(`GET /v1/models HTTP/1.1\r\nhost: gateway\r\nx-long: ${'a'.repeat(60_000)}\r\n\r\n`);
    expect(lastAnswer(await client.until(/"object":"list"/)).status).toBe(200);
  });

  it('may have headerCount fields and no more, on both ports', async () => {
    const { gateway, client } = await start({ limits: { headerCount: 10 } });
    const fields = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}: 1\r\n`).join('');
    await client.write(chatRequest(fields(7))).until(ok);
    client.write(chatRequest(fields(8)));
    expect(lastAnswer(await client.closed())).toMatchObject({ status: 431, code: 'headers_too_large' });
    for (const url of [`${gateway.url}/v1/models`, `${gateway.adminUrl}/metrics`]) {
      const get = `GET ${new URL(url).pathname} HTTP/1.1\r\nhost: localhost\r\n`;
      for (const count of [10, 500]) {
        const many = fixture.client(url).write(`${get}${fields(count)}\r\n`);
        expect(lastAnswer(await many.closed())).toMatchObject({ status: 431, code: 'headers_too_large' });
      }
    }
  });
});

describe('the time of a request', () => {
  it('ends a head that does not come with 408', async () => {
    const { client, gateway } = await start({ limits: { headerTimeoutMs: 150 } });
    const trickle = setInterval(() => client.write('x-a: b\r\n'), 20);
    client.write(head);
    const silent = fixture.client(gateway.url);
    expect(lastAnswer(await client.closed())).toMatchObject({ status: 408, code: 'request_timeout' });
    clearInterval(trickle);
    expect(lastAnswer(await silent.closed()).status).toBe(408);
  });

  it('ends a body that does not come with 408, in the dialect of the route', async () => {
    const { client, gateway } = await start({ limits: { bodyTimeoutMs: 200 } });
    client.write(`${head}content-length: 100\r\n\r\n{"model":`);
    const messages = fixture.client(gateway.url);
    messages.write('POST /v1/messages HTTP/1.1\r\nhost: gateway\r\ncontent-length: 100\r\n\r\n{');
    expect(lastAnswer(await client.closed())).toMatchObject({ status: 408, code: 'request_timeout' });
    expect(await messages.closed()).toMatch(/\{"type":"error","error":\{"type":"invalid_request_error"/);
  });

  it('ends a body that is being passed on, and the request at the backend with it', async () => {
    const backend = await fixture.rawBackend();
    const gateway = await fixture.gateway(staticModel(backend.url), { limits: { bodyTimeoutMs: 200 } });
    const client = fixture.client(gateway.url);
    client.write('POST /any/x HTTP/1.1\r\nhost: gateway\r\ncontent-length: 100\r\n\r\nbegun');
    expect(lastAnswer(await client.closed()).status).toBe(408);
    await expect.poll(() => backend.cut()).toBe(1);
    expect(backend.complete()).toEqual([]);
  });

  it('may be longer than five minutes, and without a bound', async () => {
    const { client } = await start({ limits: { headerTimeoutMs: 600_000, bodyTimeoutMs: 0 } });
    await client.write(chatRequest()).until(ok);
  });

  it('leaves nothing behind of such a request', async () => {
    const { client, gateway } = await start({ limits: { bodyTimeoutMs: 100 } });
    await client.write(`${head}content-length: 100\r\n\r\n{`).closed();
    const startedAtMs = performance.now();
    await gateway.close();
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  });

  it('does not count the wait in the queue after the body has come', async () => {
    let release = () => undefined as unknown;
    const backend = await fixture.backend((res, req, body) => {
      if (body.includes('"first"')) release = () => answerJson(res, req, body);
      else answerJson(res, req, body);
    });
    const limits = { bodyTimeoutMs: 150, headerTimeoutMs: 100, keepAliveMs: 100 };
    const gateway = await fixture.gateway(staticModel(backend.url, 'concurrency: 1'), { limits });
    const first = fixture.client(gateway.url).write(chatRequest('', '{"model":"m","user":"first"}'));
    await expect.poll(() => backend.seen.length).toBe(1);
    const second = fixture.client(gateway.url).write(chatRequest());
    // Longer than every limit: time itself is what is tested.
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect([first.text, second.text]).toEqual(['', '']);
    release();
    await Promise.all([first.until(ok), second.until(ok)]);
  });
});

describe('the size of a body', () => {
  const server = { maxBodyBytes: 100_000 };

  it('is refused by its content-length, before any of it is read', async () => {
    const { client } = await start({ server });
    client.write(`${head}content-length: 100001\r\n\r\n`);
    const text = await client.until(/body_too_large/);
    expect(lastAnswer(text)).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(text).toMatch(/connection: close/i);
  });

  it('is counted where it comes in chunks', async () => {
    const { client } = await start({ server });
    client.write(`${head}transfer-encoding: chunked\r\n\r\n8\r\n{"pad":"\r\n`);
    for (let i = 0; i < 11; i++) client.write(`2710\r\n${'a'.repeat(10_000)}\r\n`);
    expect(lastAnswer(await client.until(/body_too_large/)).status).toBe(413);
  });

  it('may be what maxBody says', async () => {
    const { client } = await start({ server });
    const body = JSON.stringify({ model: 'm', pad: '' });
    await client
      .write(chatRequest('', body.replace('""', `"${'a'.repeat(100_000 - body.length)}"`)))
      .until(ok);
  });

  it.each(['content-length: 20000000\r\n', 'transfer-encoding: chunked\r\n'])(
    'is told to a client that only reads when all is sent: %s',
    async (field) => {
      const { gateway } = await start({ server });
      for (let i = 0; i < 5; i++) {
        const client = fixture.client(gateway.url);
        client.socket.pause();
        const isChunked = field.startsWith('transfer');
        const body = `{"pad":"${'a'.repeat(19_999_992)}`;
        client.write(`${head}${field}\r\n${isChunked ? `1312d00\r\n${body}\r\n0\r\n\r\n` : body}`);
        await new Promise((resolve) => client.socket.once('drain', resolve));
        client.socket.resume();
        expect(lastAnswer(await client.closed())).toMatchObject({ status: 413, code: 'body_too_large' });
      }
    },
  );
});

describe('connections', () => {
  it('are refused past limits.connections, and accepted again when one has ended', async () => {
    const { client, gateway } = await start({ limits: { connections: 2 } });
    const second = fixture.client(gateway.url);
    await Promise.all([client.write(chatRequest()).until(ok), second.write(chatRequest()).until(ok)]);
    expect(await fixture.client(gateway.url).closed()).toBe('');
    second.destroy();
    const served = async () => {
      const third = RawClient.open(gateway.url).write(chatRequest('connection: close\r\n'));
      return lastAnswer(await third.closed()).status;
    };
    await expect.poll(served).toBe(200);
  });

  it('are closed when they were idle for keepAlive, and not while an answer is under way', async () => {
    const { client } = await start({ limits: { keepAliveMs: 100 } });
    await client.write(chatRequest()).until(ok);
    await client.write(chatRequest()).until(/ok[\s\S]*ok/);
    expect((await client.closed()).match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });
});
