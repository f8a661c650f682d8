import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { Fixture, staticModel } from './fixture.ts';

const fixture = new Fixture();
let backend: Backend;
let gateway: Gateway;

beforeAll(async () => {
  backend = await fixture.backend((res) => {
    res.writeHead(200, [
      ...['connection', 'close, x-hop', 'x-hop', 'this hop only', 'proxy-authenticate', 'Basic'],
      ...['keep-alive', 'timeout=1', 'x-request-id', 'of the backend', 'upgrade', 'h2c'],
      ...['x-own', 'one', 'x-own', 'two', 'content-length', '2'],
    ]);
    res.end('ok');
  });
  gateway = await fixture.gateway(staticModel(backend.url));
});
afterAll(() => fixture.close());

/** Sends a request with these lines in its head; what the backend got, and the head of the answer. */
async function send(fields: string) {
  const client = fixture.client(gateway.url);
  client.write(`GET /any/page HTTP/1.1\r\nhost: gateway.example:81\r\n${fields}connection: close\r\n\r\n`);
  const [answer = ''] = (await client.closed()).split('\r\n\r\n');
  return { headers: backend.seen.at(-1)!.headers, answer: answer.toLowerCase() };
}

describe('what a backend gets', () => {
  it('has no field that was meant for one hop', async () => {
    const { headers } = await send(
      'Connection: x-mine, keep-alive\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: x\r\n' +
        'Proxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Other: kept\r\n',
    );
    const hop = [
      'x-mine',
      'keep-alive',
      'te',
      'trailer',
      'proxy-authorization',
      'proxy-connection',
      'upgrade',
    ];
    expect(Object.keys(headers).filter((name) => hop.includes(name))).toEqual([]);
    expect(headers).toMatchObject({ 'x-other': 'kept', connection: 'keep-alive' });
    expect(headers.host).toBe(new URL(backend.url).host);
  });

  it('tells who asked, for which host, and how', async () => {
    expect((await send('')).headers).toMatchObject({
      forwarded: 'for=127.0.0.1;host="gateway.example:81";proto=http',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'gateway.example:81',
      'x-forwarded-proto': 'http',
    });
  });

  it('appends to the chain of X-Forwarded-For, and takes no other word of a client for it', async () => {
    const { headers } = await send(
      'X-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nForwarded: for=evil\r\n',
    );
    expect(headers).toMatchObject({
      'x-forwarded-for': '10.1.1.1, 127.0.0.1',
      'x-forwarded-host': 'gateway.example:81',
      'x-forwarded-proto': 'http',
    });
    expect(headers.forwarded).not.toContain('evil');
  });

  it('has the trace of the client where it is one', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
    const { headers } = await send(`traceparent: ${traceparent}\r\ntracestate: a=b\r\n`);
    expect(headers).toMatchObject({ traceparent, tracestate: 'a=b' });
  });

  it.each([
    '',
    'traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\n',
    'traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01\r\n',
    'traceparent: nonsense\r\n',
  ])('has a trace of its own otherwise, named like the request: %j', async (fields) => {
    const { headers } = await send(fields);
    const [, trace] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/.exec(String(headers.traceparent))!;
    expect(trace).toBe(String(headers['x-request-id']).replaceAll('-', ''));
  });
});

describe('x-request-id', () => {
  it.each(['abc', 'req_1:2.3-4', 'x'.repeat(128)])(
    'is that of the client where it is well-formed: %s',
    async (id) => {
      const { headers, answer } = await send(`X-Request-Id: ${id}\r\n`);
      expect(headers['x-request-id']).toBe(id);
      expect(answer.match(/^x-request-id: .*$/gm)).toEqual([`x-request-id: ${id}`]);
    },
  );

  it.each(['x'.repeat(129), 'a b', '"quoted"', '<script>', ''])('is made where it is not: %j', async (id) => {
    const { headers, answer } = await send(`X-Request-Id: ${id}\r\n`);
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer).toContain(`\r\nx-request-id: ${headers['x-request-id']}\r\n`);
  });
});

describe('what a client gets', () => {
  it('has no field that was meant for one hop, and the others as often as they came', async () => {
    const { answer } = await send('');
    expect(answer).not.toMatch(/x-hop|proxy-authenticate|keep-alive|upgrade|of the backend/);
    expect(answer.match(/^x-own: .*$/gm)).toEqual(['x-own: one', 'x-own: two']);
  });
});

it('a client by IPv6 is told in brackets and quotes', async () => {
  const six = await fixture.gateway(staticModel(backend.url), {
    server: { listen: { host: '::1', port: 0 } },
  });
  const socket = connect(Number(new URL(six.url).port), '::1');
  fixture.onClose(() => void socket.destroy());
  socket.end('GET /any/page HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n');
  await expect.poll(() => backend.seen.at(-1)!.headers.forwarded).toContain('::1');
  expect(backend.seen.at(-1)!.headers.forwarded).toBe('for="[::1]";host="h";proto=http');
});
