import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { startWebSocketApp } from './support/web-socket-app.ts';

const rig = useSidecarRig();

async function start(options: Parameters<typeof rig.start>[1] = {}) {
  const app = await startWebSocketApp();
  rig.onClose(() => app.close());
  await rig.start(app.port, options);
  return app;
}

async function open(protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${rig.sidecar.ports.serving}/chat?x=1`, protocols);
  rig.onClose(() => socket.terminate());
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return socket;
}

async function answer(socket: WebSocket, data: string | Buffer): Promise<Buffer> {
  const came = once(socket, 'message');
  socket.send(data);
  return (await came)[0] as Buffer;
}

describe('WebSocket', () => {
  it('messages, compression and the chosen protocol pass', async () => {
    await start();
    const socket = await open(['chat.v2']);
    expect(socket.protocol).toBe('chat.v2');
    expect((await answer(socket, 'hello')).toString()).toBe('hello');
    const large = Buffer.alloc(2_000_000, 'pilot');
    const back = await answer(socket, large);
    expect(createHash('sha256').update(back).digest('hex')).toBe(
      createHash('sha256').update(large).digest('hex'),
    );
  });

  it('pings of the one side are answered by the other', async () => {
    const app = await start();
    const socket = await open();
    const ponged = once(socket, 'pong');
    socket.ping('a');
    expect(((await ponged)[0] as Buffer).toString()).toBe('a');
    const back = once(app.sockets[0]!, 'pong');
    app.sockets[0]!.ping('b');
    expect(((await back)[0] as Buffer).toString()).toBe('b');
  });

  it('closing codes go both ways', async () => {
    const app = await start();
    const socket = await open();
    const closed = once(socket, 'close');
    socket.send('bye');
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4001, 'as told']);
    const second = await open();
    const atApp = once(app.sockets[1]!, 'close');
    second.close(4002, 'enough');
    const [seenCode, seenReason] = (await atApp) as [number, Buffer];
    expect([seenCode, seenReason.toString()]).toEqual([4002, 'enough']);
  });

  it('one that breaks off is broken off on the other side', async () => {
    const app = await start();
    const socket = await open();
    const gone = once(app.sockets[0]!, 'close');
    socket.terminate();
    expect((await gone)[0]).toBe(1006);
    const second = await open();
    const closed = once(second, 'close');
    app.sockets[1]!.terminate();
    expect((await closed)[0]).toBe(1006);
  });

  it('is broken off when the time of its request is over', async () => {
    const app = await start({ env: { REVISION_TIMEOUT_SECONDS: '1' } });
    const socket = await open();
    expect((await answer(socket, 'early')).toString()).toBe('early');
    const ends = [once(socket, 'close'), once(app.sockets[0]!, 'close')];
    expect((await Promise.all(ends)).map(([code]) => code)).toEqual([1006, 1006]);
  });

  it('holds its slot until it is closed', async () => {
    await start({ concurrency: 1 });
    const socket = await open();
    const waiting = new WebSocket(`ws://127.0.0.1:${rig.sidecar.ports.serving}/`);
    rig.onClose(() => waiting.terminate());
    const opened = once(waiting, 'open');
    expect((await answer(socket, 'one')).toString()).toBe('one');
    expect(waiting.readyState).toBe(WebSocket.CONNECTING);
    socket.close();
    await opened;
    expect((await answer(waiting, 'two')).toString()).toBe('two');
  });

  it('an app that does not switch answers as it does', async () => {
    const app = await rig.app((exchange) =>
      exchange.answer('no', '426 Upgrade Required', 'upgrade: other\r\n'),
    );
    await rig.start(app);
    const lines = 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n';
    const answered = await rig
      .client('GET')
      .write(rawRequest('/', null, lines, 'GET'))
      .answer();
    expect(answered).toMatchObject({ status: 426, body: 'no' });
    const { fields } = app.exchanges[0]!.head;
    expect(fields.get('connection')?.toLowerCase()).toBe('upgrade');
    expect(fields.get('upgrade')).toBe('websocket');
  });

  it('any other protocol is switched to as well', async () => {
    const app = await rig.app(async (exchange) => {
      await exchange.write(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhi ',
      );
      exchange.socket.on('data', (bytes) => exchange.socket.write(bytes));
    });
    await rig.start(app);
    const client = rig.client('GET');
    client.write(rawRequest('/', null, 'connection: upgrade\r\nupgrade: echo\r\n', 'GET'));
    await client.until(/101 Switching[\s\S]*\r\n\r\nhi $/);
    client.write('there');
    await client.until(/hi there$/);
  });
});
