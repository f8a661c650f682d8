import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { rawRequest } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { itsOwn } from './support/under-test.ts';

const rig = useSidecarRig();

const duplex = { ENABLE_HTTP_FULL_DUPLEX: 'true' };

/** Both directions of one request of HTTP/1.1, a piece after the other. */
async function pieceByPiece(env: Record<string, string>): Promise<void> {
  const app = await rig.app(async (exchange) => {
    await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    for (let count = 1; count <= 20; count++) {
      const bytes = await exchange.untilBytes(count * 4);
      await exchange.write(chunk(bytes.subarray(-4)));
    }
    await exchange.whole();
    await exchange.write('0\r\n\r\n');
  });
  await rig.start(app, { env });
  const client = rig.client().write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
  for (let count = 1; count <= 20; count++) {
    const piece = `<${String(count).padStart(2, '0')}>`;
    client.write(chunk(piece));
    await client.until(new RegExp(piece));
  }
  client.write('0\r\n\r\n');
  expect(await client.answer()).toMatchObject({ status: 200, isWhole: true });
}

describe('full duplex', () => {
  it('an answer passes while its request is still being sent', () => pieceByPiece(duplex));

  itsOwn('without being asked for as well', () => pieceByPiece({}));
});

describe('an early answer', () => {
  it.each([
    ['whose body is of a known length', 'content-length: 52428800\r\n'],
    ['whose body is chunked', 'transfer-encoding: chunked\r\n'],
  ])('to a request %s that nobody reads arrives whole', async (_, framing) => {
    const app = await rig.app(async (exchange) => {
      exchange.socket.pause();
      await exchange.answer('too large', '413 Content Too Large');
    });
    await rig.start(app, { env: duplex });
    const client = rig.client().write(`POST / HTTP/1.1\r\nhost: a\r\n${framing}\r\n`);
    const piece = framing.startsWith('t') ? chunk(Buffer.alloc(65_536)) : Buffer.alloc(65_536);
    const answered = client.answer();
    const sending = new AbortController();
    const upload = (async () => {
      while (!sending.signal.aborted && !client.isClosed && client.socket.bytesWritten < 40 << 20) {
        if (!client.socket.write(piece)) await pause(1);
      }
    })();
    expect(await answered).toMatchObject({ status: 413, body: 'too large', isWhole: true });
    sending.abort();
    await upload;
  });

  it('ends with its slot given back', async () => {
    const app = await rig.app(async (exchange) => {
      if (exchange.path === '/early') exchange.socket.pause();
      await exchange.answer(exchange.path);
    });
    await rig.start(app, { env: duplex, concurrency: 1 });
    for (let count = 0; count < 3; count++) {
      const client = rig
        .client()
        .write('POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 52428800\r\n\r\n');
      client.write(Buffer.alloc(1 << 20));
      expect(await client.answer()).toMatchObject({ status: 200, body: '/early' });
      client.destroy();
    }
    expect(await rig.client().write(rawRequest('/after', 'x')).answer()).toMatchObject({ body: '/after' });
  });
});
