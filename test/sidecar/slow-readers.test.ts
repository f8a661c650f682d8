import { once } from 'node:events';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { rawRequest } from '../support/raw-client.ts';
import { ask, openSession, startH2App } from './support/h2-app.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

const mebibyte = 1 << 20;

/** What a body of this size would add to the memory, if it was kept: four are sent. */
const size = 64 * mebibyte;

function* pieces(): Generator<Buffer> {
  for (let sent = 0; sent < size; sent += mebibyte / 4) yield Buffer.alloc(mebibyte / 4);
}

/** Resolves when nothing has moved for half a second. */
async function untilStill(count: () => number): Promise<void> {
  for (let before = -1; before !== count(); ) {
    before = count();
    await pause(500);
  }
}

describe('the memory of a sidecar is bounded', () => {
  it('when clients do not read their answers', async () => {
    const sockets: { readonly bytesWritten: number }[] = [];
    const app = await rig.app(async (exchange) => {
      sockets.push(exchange.socket);
      await exchange.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      const piece = Buffer.alloc(mebibyte);
      for (let sent = 0; sent < size && !exchange.isClosed; sent += mebibyte) {
        if (!exchange.socket.write(piece))
          await Promise.race([once(exchange.socket, 'drain'), exchange.closed()]);
      }
    });
    const sidecar = await rig.start(app);
    const before = sidecar.residentBytes();
    for (let count = 0; count < 4; count++) {
      const client = rig.client();
      client.socket.pause();
      client.write(rawRequest('/', 'x'));
    }
    await app.exchange(3);
    await untilStill(() => sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0));
    // What the sockets of the system hold is not the sidecar's own.
    expect(sidecar.residentBytes() - before).toBeLessThan(48 * mebibyte);
  });

  it('when the app does not read its requests', async () => {
    const app = await rig.app((exchange) => {
      exchange.socket.pause();
    });
    const sidecar = await rig.start(app);
    const before = sidecar.residentBytes();
    const clients = Array.from({ length: 4 }, () => rig.client());
    for (const client of clients)
      client.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
    await app.exchange(3);
    for (const { socket } of clients) {
      const piece = Buffer.alloc(mebibyte);
      const more = () => {
        while (socket.bytesWritten < size && socket.write(piece));
      };
      socket.on('drain', more);
      more();
    }
    await untilStill(() =>
      clients.reduce((sum, { socket }) => sum + socket.bytesWritten - socket.writableLength, 0),
    );
    expect(sidecar.residentBytes() - before).toBeLessThan(48 * mebibyte);
  });

  it('when those who wait in the queue send large bodies', async () => {
    const app = await rig.app(() => undefined);
    const sidecar = await rig.start(app, { concurrency: 1 });
    rig.client().write(rawRequest('/'));
    await app.exchange(0);
    const before = sidecar.residentBytes();
    const clients = Array.from({ length: 10 }, () => rig.client());
    for (const { socket } of clients) {
      socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
      const piece = Buffer.alloc(mebibyte);
      const more = () => {
        while (socket.bytesWritten < size && socket.write(piece));
      };
      socket.on('drain', more);
      more();
    }
    await untilStill(() =>
      clients.reduce((sum, { socket }) => sum + socket.bytesWritten - socket.writableLength, 0),
    );
    expect(sidecar.residentBytes() - before).toBeLessThan(48 * mebibyte);
  });

  it('when streams of HTTP/2 are not read, and others on their connection go on', async () => {
    const app = await startH2App((stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] === '/small') stream.end('small');
      else
        Readable.from(pieces())
          .pipe(stream)
          .on('error', () => undefined);
    });
    rig.onClose(() => app.close());
    const sidecar = await rig.start(app.port);
    const session = await openSession(sidecar.url);
    rig.onClose(() => session.destroy());
    const before = sidecar.residentBytes();
    const slow = ask(session, {});
    await once(slow, 'response');
    await pause(1_000);
    const small = ask(session, { ':path': '/small' });
    let text = '';
    small.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    await once(small, 'end');
    expect(text).toBe('small');
    expect(sidecar.residentBytes() - before).toBeLessThan(48 * mebibyte);
  });
});

it('a slow reader gets all of it in the end', async () => {
  const total = 8 * mebibyte;
  const app = await rig.app((exchange) => exchange.answer('x'.repeat(total)));
  await rig.start(app);
  const client = rig.client();
  client.socket.pause();
  client.write(rawRequest('/', 'x'));
  await pause(500);
  client.socket.resume();
  const { body, isWhole } = await client.answer();
  expect(body.length).toBe(total);
  expect(isWhole).toBe(true);
});
