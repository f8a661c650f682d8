import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { AnswerWriter } from '../../src/forward/answer-writer.ts';
import { openaiDialect } from '../../src/protocols/dialects.ts';
import { fixedModel, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** A client that sends a request and reads nothing of the answer until it is resumed. */
async function openPaused(url: string, body: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.pause();
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  world.onClose(() => void socket.destroy());
  return socket;
}

describe('a client that waits and does not read', () => {
  it('gets no further heartbeat while what it got before is not taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    world.onClose(() => void server.close());
    const client = await openPaused(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, '{}');
    const [req, res] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
    const context = { req, res, dialect: openaiDialect, requestId: 'r', extraHeaders: [] };
    const answer = new AnswerWriter(context, { appendTo: () => undefined });
    const beat = () =>
      answer.heartbeat('sse', { position: 1, phase: 'loading'.repeat(10_000), detail: null, etaMs: null });
    // Until the system's buffers are full.
    for (let full = 0; full < 3; full = res.writableNeedDrain ? full + 1 : 0) {
      beat();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const heldBytes = res.writableLength;
    for (let n = 0; n < 1_000; n++) beat();
    expect(res.writableLength).toBe(heldBytes);
    client.resume();
    await once(res, 'drain');
    beat();
    expect(res.writableLength).toBeGreaterThan(0);
    client.destroy();
  });

  it('is waited for by the backend, whose stream is not gathered here', async () => {
    const chunk = `data: ${'x'.repeat(64 * 1024)}\n\n`;
    let sentBytes = 0;
    const events = function* () {
      for (;;) {
        sentBytes += chunk.length;
        yield chunk;
      }
    };
    const backend = await world.backend((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      pipeline(Readable.from(events()), res).catch(() => undefined);
    });
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], 'heartbeat: { stream: 10ms }'));
    const client = await openPaused(gateway.url, '{"model":"m","stream":true}');
    await once(client, 'readable');
    expect(String(client.read())).toContain('position=1');
    backend.isReady = true;
    await expect.poll(() => sentBytes).toBeGreaterThan(0);
    let before = -1;
    // Still when the buffers of the system and of both processes are full.
    await expect
      .poll(
        () => {
          const isStill = before === sentBytes;
          before = sentBytes;
          return isStill;
        },
        { interval: 200, timeout: 10_000 },
      )
      .toBe(true);
    expect(sentBytes).toBeLessThan(32 * 1024 * 1024);
    client.destroy();
    await expect.poll(() => backend.seen.length).toBe(1);
  });
});
