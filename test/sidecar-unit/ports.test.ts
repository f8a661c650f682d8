import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { OwnCrossing } from '../../src/sidecar/own-traffic.ts';
import { createLanes, OpenPorts } from '../../src/sidecar/ports.ts';
import type { SidecarLog } from '../../src/sidecar/sidecar-log.ts';
import { ManualClock } from '../support/manual-clock.ts';

const minuteMs = 60_000;
const ports: OpenPorts[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const port of ports.splice(0)) port.close();
});

const ignore = () => undefined;
const silentLog: SidecarLog = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  raw: ignore,
  flush: (done) => done(),
};

async function clientOf(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').resume();
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

describe('ports of the sidecar', () => {
  it('keep idle connections longer than an ingress or an activator does, used or not', async () => {
    const clock = new ManualClock();
    const context = { clock, log: silentLog };
    const answer = { status: 200, fields: [], body: 'ok' };
    const lanes = createLanes(
      { take: (request) => new OwnCrossing(request, answer, { onFailed: () => undefined }) },
      context,
    );
    const open = await OpenPorts.open(
      [{ name: 'one', host: '127.0.0.1', port: 0, lanes, tls: null }],
      context,
    );
    ports.push(open);
    const [used, unused] = [await clientOf(open.portOf('one')!), await clientOf(open.portOf('one')!)];
    used.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(used, 'data');
    let ended = 0;
    for (const socket of [used, unused]) socket.on('end', () => ended++);
    await clock.advance(70 * minuteMs);
    used.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(used, 'data');
    unused.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(unused, 'data');
    expect(ended).toBe(0);
    await clock.advance(80 * minuteMs);
    await expect.poll(() => ended).toBe(2);
  });
});
