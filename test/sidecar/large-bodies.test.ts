import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { answerOf, ask, openSession, startH2App } from './support/h2-app.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

const size = 50 << 20;
const piece = 1 << 18;

/** So many bytes that repeat nowhere, in pieces. */
function* bytesOf(seed: number): Generator<Buffer> {
  for (let at = 0; at < size; at += piece) {
    const bytes = Buffer.allocUnsafe(piece);
    for (let index = 0; index < piece; index += 4) {
      bytes.writeUInt32LE((Math.imul(at + index + seed, 2_654_435_761) ^ index) >>> 0, index);
    }
    yield bytes;
  }
}

function hashOf(seed: number): string {
  const hash = createHash('sha256');
  for (const bytes of bytesOf(seed)) hash.update(bytes);
  return hash.digest('hex');
}

async function hashed(body: Readable): Promise<string> {
  const hash: Hash = createHash('sha256');
  for await (const bytes of body) hash.update(bytes as Buffer);
  return hash.digest('hex');
}

/** Waits whenever the other side is slow. */
async function sendBody(to: Writable, seed: number): Promise<void> {
  await pipeline(bytesOf(seed), to);
}

/** An app that sends a body of its own beside the one it is sent, whose hash it puts into a trailer. */
async function startApp(): Promise<number> {
  const server = createServer(async (req, res) => {
    res.writeHead(200, { trailer: 'x-hash', 'transfer-encoding': 'chunked' });
    const hash = hashed(req);
    await pipeline(
      bytesOf(2),
      new Writable({ write: (bytes, _, next) => void (res.write(bytes) ? next() : res.once('drain', next)) }),
    );
    res.addTrailers({ 'x-hash': await hash });
    res.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.onClose(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('50 MiB in both directions at once', () => {
  it.each([
    ['a known length', { 'content-length': String(size) }],
    ['chunks', { 'transfer-encoding': 'chunked' }],
  ])('arrive as they were sent over HTTP/1.1, with %s', async (_, headers) => {
    const port = await startApp();
    const sidecar = await rig.start(port, { env: { ENABLE_HTTP_FULL_DUPLEX: 'true' } });
    const asked = request(`${sidecar.url}/`, {
      method: 'POST',
      agent: false,
      headers: { ...headers, te: 'trailers' },
    });
    const sending = sendBody(asked, 1);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const hash = await hashed(answer);
    await sending;
    expect(hash).toBe(hashOf(2));
    expect(answer.trailers['x-hash']).toBe(hashOf(1));
  });

  it('arrive as they were sent over HTTP/2', async () => {
    const app = await startH2App(async (stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      const hash = hashed(stream);
      stream.on('wantTrailers', async () => stream.sendTrailers({ 'x-hash': await hash }));
      await pipeline(bytesOf(2), stream);
    });
    rig.onClose(() => app.close());
    const sidecar = await rig.start(app.port);
    const session = await openSession(sidecar.url);
    rig.onClose(() => session.destroy());
    const stream = ask(session, { te: 'trailers' }, false);
    const [answer] = await Promise.all([answerOf(stream), sendBody(stream, 1)]);
    expect(answer.hash).toBe(hashOf(2));
    expect(answer.trailers['x-hash']).toBe(hashOf(1));
    expect(answer.code).toBe(0);
  });
});
