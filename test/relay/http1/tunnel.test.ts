import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RawExchange } from '../../support/raw-backend.ts';
import { LaneRig, textAnswer } from './lane-rig.ts';

const ask = 'GET /ws HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\r\n';
const accept =
  'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-a: b\r\n\r\n';

/** A backend that switches and then writes back what it gets. */
async function echo(exchange: RawExchange): Promise<void> {
  expect(exchange.head.fields.get('connection')).toBe('upgrade');
  expect(exchange.head.fields.get('upgrade')).toBe('websocket');
  await exchange.write(`${accept}hi`);
  exchange.socket.removeAllListeners('data');
  exchange.socket.on('data', (bytes) => exchange.socket.write(bytes));
}

describe('a connection that switches protocols', () => {
  it('passes bytes both ways, those sent ahead too, and tells of them', async () => {
    const rig = await LaneRig.start(echo);
    const client = rig.client().write(`${ask}ahead`);
    const head = await client.until(/hiahead$/);
    expect(head).toMatch(
      /^HTTP\/1.1 101 Switching Protocols\r\nx-a: b\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n/,
    );
    client.write('more');
    await client.until(/more$/);
    const [crossing] = rig.crossings;
    expect([crossing!.request.head.upgrade, crossing!.told]).toEqual(['websocket', ['head 101']]);
    expect(crossing!.received.length).toBe('hi'.length + 2 * 'aheadmore'.length);
    client.leave('fin');
    expect(await crossing!.ended()).toBe('answered');
    expect(await client.closed()).toBe('ended');
    await expect.poll(() => rig.lane.counts).toMatchObject({ clients: 0, backends: 0 });
  });

  it('lets one side go on after the other has closed its own', async () => {
    let ended = false;
    const rig = await LaneRig.start(async (exchange) => {
      await exchange.write(accept);
      exchange.socket.removeAllListeners('end');
      exchange.socket.on('end', () => {
        ended = true;
      });
    });
    const client = rig.client().write(ask);
    await client.until(/\r\n\r\n$/);
    client.socket.allowHalfOpen = true;
    client.leave('fin');
    await expect.poll(() => ended).toBe(true);
    const { socket } = rig.backend.exchanges[0]!;
    socket.write('later');
    await client.until(/later$/);
    expect(rig.crossings[0]!.end).toBe(null);
    socket.end('last');
    await client.until(/last$/);
    expect(await rig.crossings[0]!.ended()).toBe('answered');
  });

  it.each([
    ['client', 'gone'],
    ['backend', 'reset'],
  ] as const)('is cut on both sides by a reset of the %s', async (side, end) => {
    const rig = await LaneRig.start(echo);
    const client = rig.client().write(ask);
    await client.until(/hi$/);
    const exchange = rig.backend.exchanges[0]!;
    if (side === 'client') client.leave('rst');
    else exchange.reset();
    expect(await rig.crossings[0]!.ended()).toBe(end);
    await exchange.closed();
    // A client's own reset is none that it is told of.
    expect(await client.closed()).toBe(side === 'backend' ? 'reset' : 'ended');
  });

  it('is cut by its crossing', async () => {
    const rig = await LaneRig.start(echo);
    const client = rig.client().write(ask);
    await client.until(/hi$/);
    rig.crossings[0]!.request.cut(textAnswer(504, 'x'), 'event');
    expect(await client.closed()).toBe('reset');
    await rig.backend.exchanges[0]!.closed();
    expect(rig.crossings[0]!.told).toEqual(['head 101', 'end cut']);
  });

  it('waits for the side that does not read', async () => {
    const bytes = Buffer.alloc(64 * 1024, 'x');
    const rig = await LaneRig.start(async (exchange) => {
      await exchange.write(accept);
      exchange.socket.pause();
    });
    const client = rig.client().write(ask);
    await client.until(/\r\n\r\n$/);
    client.socket.pause();
    const { socket } = rig.backend.exchanges[0]!;
    for (const side of [client.socket, socket]) {
      let before = -1;
      const sent = () => side.bytesWritten - side.writableLength;
      while (before !== sent()) {
        before = sent();
        for (let i = 0; i < 100 && !side.writableNeedDrain; i++) side.write(bytes);
        await sleep(200);
      }
      expect(sent()).toBeLessThan(32 * 1024 * 1024);
    }
    const wanted = rig.crossings[0]!.received.length;
    expect(wanted).toBeGreaterThan(0);
    client.socket.resume();
    socket.resume();
    await expect.poll(() => rig.crossings[0]!.received.length).toBeGreaterThan(wanted);
  });

  it('is passed on for any protocol, but not one that was not asked for', async () => {
    const rig = await LaneRig.start((exchange) => exchange.write(accept));
    const client = rig.client().write(ask.replace('WebSocket', 'other/1'));
    expect((await client.answer()).status).toBe(502);
    expect(rig.crossings[0]!.told).toEqual(['broken sent', 'end reset']);
  });

  it('may be declined', async () => {
    const rig = await LaneRig.start((exchange) => exchange.answer('no', '403 Forbidden'));
    const client = rig.client().write(ask);
    expect((await client.next()).status).toBe(403);
    client.write(ask);
    expect((await client.next()).status).toBe(403);
  });

  it('tells a waiting request that its client left', async () => {
    const rig = await LaneRig.start(echo, { onTake: () => undefined });
    const client = rig.client().write(`${ask}ahead`);
    const crossing = await rig.crossing(0);
    client.leave('fin');
    expect(await crossing.ended()).toBe('gone');
  });
});
