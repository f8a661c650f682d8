import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { testCertificate, testKey } from '../../probe/certificate.ts';
import { LaneRig, textAnswer } from './lane-rig.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A client over TLS, of the lane of `rig`. */
async function tlsClient(rig: LaneRig) {
  const server = createServer({ cert: testCertificate, key: testKey }, (socket) => rig.lane.take(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', ca: [testCertificate] });
  closers.push(() => socket.destroy());
  const client = { socket, text: '', isClosed: false };
  socket.on('data', (bytes: Buffer) => {
    client.text += bytes.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    client.isClosed = true;
  });
  await once(socket, 'secureConnect');
  return client;
}

describe('a client over TLS', () => {
  it('is served as over TCP, and its crossing knows', async () => {
    const rig = await LaneRig.start(async (exchange) => {
      const body = await exchange.whole();
      await exchange.answer(`${body.length}${'y'.repeat(300_000)}`);
    });
    const client = await tlsClient(rig);
    for (let i = 1; i <= 3; i++) {
      client.socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n');
      client.socket.write('x'.repeat(200_000));
      await expect.poll(() => client.text.length).toBeGreaterThan(i * 300_006);
      await rig.crossings[i - 1]!.ended();
    }
    expect(client.text.match(/\r\n\r\n200000y/g)).toHaveLength(3);
    expect(rig.crossings[0]!.request.head.peer.isTls).toBe(true);
  });

  it('sees a cut, and is seen to leave', async () => {
    const rig = await LaneRig.start((exchange) => exchange.write('HTTP/1.1 200 OK\r\n\r\nbegun'));
    const client = await tlsClient(rig);
    client.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await expect.poll(() => client.text).toMatch(/5\r\nbegun\r\n$/);
    rig.crossings[0]!.request.cut(textAnswer(504, 'late'), null);
    await expect.poll(() => client.isClosed).toBe(true);
    expect(client.text).toMatch(/begun\r\n$/);
    const other = await tlsClient(rig);
    other.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const crossing = await rig.crossing(1);
    other.socket.end();
    expect(await crossing.ended()).toBe('gone');
    await expect.poll(() => rig.lane.counts).toMatchObject({ clients: 0, backends: 0 });
  });
});
