import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../support/gateway.ts';
import {
  echoFrames,
  type OnSocket,
  startWebSocketBackend,
  type WebSocketBackend,
} from '../support/web-socket-backend.ts';
import { fixedModel, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

async function backendOf(onSocket: OnSocket): Promise<WebSocketBackend> {
  const backend = await startWebSocketBackend(onSocket);
  world.onClose(() => backend.close());
  return backend;
}

const gatewayOf = (url: string, more = '', rest?: string) =>
  world.gateway(fixedModel([url], `aliases: [gpt-4o realtime]\n    ${more}`), rest, 60_000);

const wsUrl = ({ url }: Gateway, query = 'model=m') => `${url.replace('http', 'ws')}/v1/realtime?${query}`;

/** An opening handshake by hand, so that what is sent, and when the connection ends, is seen to the byte. */
async function handshake(
  gateway: Gateway,
  options: { path?: string; fields?: string } = {},
): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  world.onClose(() => void socket.destroy());
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  socket.write(
    `GET ${options.path ?? '/v1/realtime?model=m'} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: keep-alive, Upgrade\r\n` +
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${options.fields ?? ''}\r\n`,
  );
  return socket;
}

async function textOf(socket: Socket, until: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString('latin1');
    if (until.test(text)) return text;
  }
  return text;
}

const modelState = async ({ adminUrl }: Gateway) =>
  (await (await fetch(`${adminUrl}/api/models/m`)).json()) as {
    inFlight: number;
    queue: { waiting: number };
  };

describe('a WebSocket', () => {
  it('reaches the model named in the query, by its alias too, and passes messages both ways', async () => {
    const backend = await backendOf(echoFrames);
    const gateway = await gatewayOf(backend.url);
    const socket = new WebSocket(wsUrl(gateway, 'x=1&model=gpt-4o%20realtime&y=%2F'));
    await once(socket, 'open');
    const answer = once(socket, 'message');
    socket.send('hello');
    expect(((await answer)[0] as MessageEvent).data).toBe('hello');
    expect(backend.seen[0]!.url).toBe('/v1/realtime?x=1&model=m&y=%2F');
    expect(backend.seen[0]!.headers).toMatchObject({ 'x-forwarded-proto': 'http', upgrade: 'websocket' });
    expect((await modelState(gateway)).inFlight).toBe(1);
    const closed = once(socket, 'close');
    socket.close(1000);
    expect(((await closed)[0] as CloseEvent).wasClean).toBe(true);
    await expect.poll(async () => (await modelState(gateway)).inFlight).toBe(0);
  });

  it('waits for a backend that is loading, and is answered 101 only when the backend has switched', async () => {
    const backend = await backendOf(echoFrames);
    backend.isReady = false;
    const gateway = await gatewayOf(backend.url);
    const socket = await handshake(gateway);
    await expect.poll(async () => (await modelState(gateway)).queue.waiting).toBe(1);
    expect(socket.bytesRead).toBe(0);
    backend.isReady = true;
    const head = await textOf(socket, /\r\n\r\n/);
    expect(head).toMatch(/^HTTP\/1.1 101 /);
    expect(head).toMatch(/^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/im);
    expect(head).toMatch(/^x-request-id: \S+\r$/m);
    expect(head).toMatch(/^x-pilotlight-cold-start: \d+\r$/m);
  });

  it('passes on what the client had sent early', async () => {
    const backend = await backendOf((socket, _req, head) => {
      socket.write(head);
      socket.pipe(socket);
    });
    backend.isReady = false;
    const gateway = await gatewayOf(backend.url);
    const socket = await handshake(gateway);
    socket.write('early ');
    await expect.poll(async () => (await modelState(gateway)).queue.waiting).toBe(1);
    socket.write('bytes');
    backend.isReady = true;
    expect(await textOf(socket, /bytes$/)).toMatch(/\r\n\r\nearly bytes$/);
  });

  it('cuts a client that floods before the switch', async () => {
    const backend = await backendOf(echoFrames);
    backend.isReady = false;
    const gateway = await gatewayOf(backend.url);
    const socket = await handshake(gateway);
    socket.write(Buffer.alloc(100_000));
    await once(socket, 'close');
    await expect.poll(async () => (await modelState(gateway)).queue.waiting).toBe(0);
  });

  it.each(['destroy', 'end', 'resetAndDestroy'] as const)(
    'leaves the queue when its client goes (%s)',
    async (how) => {
      const backend = await backendOf(echoFrames);
      backend.isReady = false;
      const gateway = await gatewayOf(backend.url);
      const socket = await handshake(gateway);
      await expect.poll(async () => (await modelState(gateway)).queue.waiting).toBe(1);
      socket[how]();
      await expect.poll(async () => (await modelState(gateway)).queue.waiting).toBe(0);
      expect(backend.seen).toEqual([]);
    },
  );

  it.each(['destroy', 'resetAndDestroy'] as const)(
    'ends at the backend when its client goes (%s)',
    async (how) => {
      const backend = await backendOf((socket) => socket.resume());
      const gateway = await gatewayOf(backend.url);
      const socket = await handshake(gateway);
      await textOf(socket, /\r\n\r\n/);
      expect(backend.sockets.size).toBe(1);
      socket[how]();
      await expect.poll(() => backend.sockets.size).toBe(0);
      await expect.poll(async () => (await modelState(gateway)).inFlight).toBe(0);
    },
  );

  it('ends at the client when the backend goes, after all that it had sent', async () => {
    const backend = await backendOf((socket) => socket.end('x'.repeat(1_000_000)));
    const gateway = await gatewayOf(backend.url);
    const socket = await handshake(gateway);
    const text = await textOf(socket, /$never/);
    expect(text.split('\r\n\r\n')[1]!.length).toBe(1_000_000);
    await expect.poll(async () => (await modelState(gateway)).inFlight).toBe(0);
  });

  it('holds the backend back while its client does not read', async () => {
    const megabytes = 200;
    let written = 0;
    const backend = await backendOf((socket) => {
      const chunk = Buffer.alloc(1024 * 1024);
      const more = () => {
        while (written < megabytes) {
          written++;
          if (socket.write(chunk)) continue;
          socket.once('drain', more);
          return;
        }
      };
      more();
    });
    const gateway = await gatewayOf(backend.url);
    const before = process.memoryUsage().rss;
    const socket = await handshake(gateway);
    socket.pause();
    let last = -1;
    const hasStopped = () => {
      const isSame = written === last;
      last = written;
      return isSame;
    };
    await expect.poll(hasStopped, { interval: 300 }).toBe(true);
    expect(written).toBeLessThan(megabytes / 2);
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
    let received = 0;
    socket.on('data', (chunk) => (received += chunk.length));
    socket.resume();
    await expect.poll(() => received, { timeout: 10_000 }).toBeGreaterThan(megabytes * 1024 * 1024);
  });

  it('counts for the limit like every request', async () => {
    const backend = await backendOf(echoFrames);
    const gateway = await gatewayOf(backend.url, 'concurrency: 1');
    const first = await handshake(gateway);
    await textOf(first, /\r\n\r\n/);
    const second = await handshake(gateway);
    await expect.poll(async () => (await modelState(gateway)).queue.waiting).toBe(1);
    expect(backend.seen.length).toBe(1);
    first.destroy();
    expect(await textOf(second, /\r\n\r\n/)).toMatch(/^HTTP\/1.1 101 /);
  });

  it('is cut when nothing passes for timeouts.idle', async () => {
    const backend = await backendOf((socket) => socket.resume());
    const gateway = await gatewayOf(backend.url, 'timeouts: { idle: 200ms }');
    const socket = await handshake(gateway);
    await textOf(socket, /$never/);
    await expect.poll(() => backend.sockets.size).toBe(0);
  });
});

describe('a WebSocket is refused', () => {
  const statusOf = async (socket: Socket) => {
    const text = await textOf(socket, /\}\}?$/);
    return [Number(text.slice(9, 12)), (/"code":"(\w+)"/.exec(text) ?? [])[1]];
  };

  it('with an error answer when it names no model, an unknown one, or an unknown path', async () => {
    const backend = await backendOf(echoFrames);
    const gateway = await gatewayOf(backend.url);
    expect(await statusOf(await handshake(gateway, { path: '/v1/realtime' }))).toEqual([
      400,
      'model_required',
    ]);
    expect(await statusOf(await handshake(gateway, { path: '/v1/realtime?model=other' }))).toEqual([
      404,
      'model_not_found',
    ]);
    expect(await statusOf(await handshake(gateway, { path: '/other' }))).toEqual([404, 'route_not_found']);
    expect(backend.seen).toEqual([]);
  });

  it('without a key where keys are asked for', async () => {
    const backend = await backendOf(echoFrames);
    const sha256 = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'; // of "secret"
    const gateway = await gatewayOf(backend.url, '', `auth: { keys: [{ name: app, sha256: ${sha256} }] }`);
    expect(await statusOf(await handshake(gateway))).toEqual([401, 'invalid_api_key']);
    const socket = await handshake(gateway, { fields: 'Authorization: Bearer secret\r\n' });
    expect(await textOf(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1.1 101 /);
    expect(backend.seen[0]!.headers.authorization).toBeUndefined();
  });

  it('unless a browser sends the key as a protocol, which stays here', async () => {
    const backend = await backendOf(echoFrames);
    const gateway = await gatewayOf(backend.url, '', 'auth: { keys: [{ name: app, key: secret }] }');
    const fields = (key: string) =>
      `Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.${key}, openai-beta.realtime-v1\r\n`;
    expect(await statusOf(await handshake(gateway, { fields: fields('wrong') }))).toEqual([
      401,
      'invalid_api_key',
    ]);
    const socket = await handshake(gateway, { fields: fields('secret') });
    expect(await textOf(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1.1 101 /);
    expect(backend.seen[0]!.headers['sec-websocket-protocol']).toBe('realtime, openai-beta.realtime-v1');
  });

  it('from a page of another origin, unless that is configured', async () => {
    const backend = await backendOf(echoFrames);
    const gateway = await gatewayOf(backend.url);
    const fields = 'Origin: https://evil.example\r\n';
    expect(await statusOf(await handshake(gateway, { fields }))).toEqual([403, 'forbidden_origin']);
    const own = await handshake(gateway, { fields: `Origin: ${gateway.url}\r\n` });
    expect(await textOf(own, /\r\n\r\n/)).toMatch(/^HTTP\/1.1 101 /);
  });

  it('with what the backend answers where that does not switch', async () => {
    const backend = await world.backend((res) => res.writeHead(418, { 'x-own': 'yes' }).end('a teapot'));
    const socket = await handshake(await gatewayOf(backend.url));
    const text = await textOf(socket, /$never/);
    expect(text).toMatch(/^HTTP\/1.1 418 /);
    expect(text).toMatch(/x-own: yes/);
    expect(text).toMatch(/a teapot/);
  });

  it('by 426 when it is asked for as a page', async () => {
    const backend = await backendOf(echoFrames);
    const response = await fetch(`${(await gatewayOf(backend.url)).url}/v1/realtime?model=m`);
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });
});

describe('WebSockets besides the protocols', () => {
  it('come in by match rules', async () => {
    const backend = await backendOf(echoFrames);
    const gateway = await gatewayOf(backend.url, 'match: { paths: [/ui/] }');
    const socket = await handshake(gateway, { path: '/ui/queue?x=1' });
    expect(await textOf(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1.1 101 /);
    expect(backend.seen[0]!.url).toBe('/ui/queue?x=1');
  });

  it("come in by /upstream on the admin port, for a backend's own pages", async () => {
    const backend = await backendOf(echoFrames);
    const gateway = await gatewayOf(backend.url);
    const socket = new WebSocket(`${gateway.adminUrl.replace('http', 'ws')}/upstream/m/ws`);
    await once(socket, 'open');
    expect(backend.seen[0]!.url).toBe('/ws');
    socket.close();
  });

  it('leave other upgrades alone: they are plain requests', async () => {
    const backend = await world.backend((res, req) => res.end(`plain ${req.method} ${req.headers.upgrade}`));
    const gateway = await gatewayOf(backend.url, 'match: { paths: [/ui/] }');
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    world.onClose(() => void socket.destroy());
    socket.write(
      'POST /ui/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 2\r\n\r\nhi',
    );
    expect(await textOf(socket, /plain/)).toMatch(/plain POST undefined/);
  });
});
