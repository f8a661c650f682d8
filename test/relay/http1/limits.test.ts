import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { LaneRequest } from '../../../src/relay/traffic.ts';
import { hangingServer } from '../../support/hanging-server.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { answerOk } from '../../support/raw-backend.ts';
import { rawRequest } from '../../support/raw-client.ts';
import { LaneRig, outboundTo, textAnswer } from './lane-rig.ts';

/** Moves the clock in steps in which limits are looked at. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let spent = 0; spent < ms; spent += 100) clock.advanceSync(100);
  await clock.settle();
}

describe('the limits of a client', () => {
  it('a head that has begun has its time, then 408', async () => {
    const clock = new ManualClock();
    const rig = await LaneRig.start(answerOk, {}, { clock, headMs: 1_000 });
    const client = rig.client().write('GET / HTTP/1.1\r\nhost: a\r\n');
    await expect.poll(() => rig.lane.counts.clients).toBe(1);
    await client.send('x-a: b\r\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await pass(clock, 900);
    client.write('x-c: d\r\n');
    await pass(clock, 400);
    const { status, fields } = await client.answer();
    expect([status, fields.get('connection')]).toEqual([408, 'close']);
    client.leave('fin');
    expect(await client.closed()).toBe('ended');
    expect(rig.crossings).toEqual([]);
  });

  it('a connection without a request is closed after a while, before the first and between them', async () => {
    const clock = new ManualClock();
    const rig = await LaneRig.start(answerOk, {}, { clock, idleMs: 1_000 });
    const [fresh, used] = [rig.client(), rig.client().write(rawRequest('/'))];
    await used.next();
    await expect.poll(() => rig.lane.counts.clients).toBe(2);
    await pass(clock, 900);
    used.write(rawRequest('/'));
    await used.next();
    await pass(clock, 400);
    expect(await fresh.closed()).toBe('ended');
    expect(used.isClosed).toBe(false);
    await pass(clock, 1_000);
    expect(await used.closed()).toBe('ended');
  });

  it('one that sends on after a refusal is read for a bounded time, then cut', async () => {
    const clock = new ManualClock();
    const rig = await LaneRig.start(
      answerOk,
      { onTake: (request) => request.answer(textAnswer(503, 'full')) },
      { clock },
    );
    const client = rig.client().write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 90000000\r\n\r\n');
    const { body, fields } = await client.answer();
    expect([body, fields.get('connection')]).toEqual(['full', 'close']);
    for (let i = 0; i < 10; i++) await client.send(Buffer.alloc(100_000));
    expect(rig.lane.counts.clients).toBe(1);
    await pass(clock, 5_200);
    await expect.poll(() => rig.lane.counts.clients).toBe(0);
  });

  it('one whose body is short keeps its connection behind a refusal', async () => {
    const rig = await LaneRig.start(answerOk, {
      onTake: (request) => {
        if (request.head.target === '/full') request.answer(textAnswer(503, 'full'));
        else rig.forward(request);
      },
    });
    const client = rig.client();
    for (let i = 0; i < 3; i++) {
      client.write('POST /full HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nab');
      const { status, fields } = await client.next();
      expect([status, fields.get('connection')]).toEqual([503, undefined]);
      await client.send('cd');
      client.write(Buffer.concat([Buffer.from('ef'), rawRequest('/', 'xyz')]));
      expect((await client.next()).body).toBe('ok');
      expect((await rig.backend.exchanges[i]!.whole()).toString()).toBe('xyz');
    }
    client.write('POST /full HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n');
    expect((await client.next()).fields.get('connection')).toBe('close');
  });

  it('an upload may go on for a bounded time after its answer', async () => {
    const clock = new ManualClock();
    const rig = await LaneRig.start((exchange) => exchange.answer('early'), {}, { clock });
    const client = rig.client().write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 90000000\r\n\r\nx');
    expect((await client.answer()).body).toBe('early');
    await pass(clock, 29_900);
    expect(rig.crossings[0]!.end).toBe(null);
    await pass(clock, 400);
    expect(await rig.crossings[0]!.ended()).toBe('answered');
    await rig.backend.exchanges[0]!.closed();
  });

  it('one that sends requests ahead is read up to a bound', async () => {
    const rig = await LaneRig.start(answerOk, { onTake: () => undefined });
    const client = rig.client();
    const field = `x-a: ${'x'.repeat(10_000)}\r\n`;
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => rawRequest('/', null, field)));
    client.write(many);
    let before = -1;
    const sent = () => client.socket.bytesWritten - client.socket.writableLength;
    while (before !== sent()) {
      before = sent();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(sent()).toBeLessThan(many.length);
    expect(rig.crossings).toHaveLength(1);
    client.socket.removeAllListeners('data').resume();
    for (let n = 0; n < 1_000; n++) {
      const { request } = await rig.crossing(n);
      request.answer(textAnswer(200, 'y'.repeat(100)));
    }
    expect(rig.crossings.every(({ end }) => end === 'own')).toBe(true);
  });

  it('one that takes no answers gets no more of its requests served', async () => {
    const rig = await LaneRig.start(answerOk, {
      onTake: (request) => request.answer(textAnswer(200, 'y'.repeat(100_000))),
    });
    const client = rig.client();
    client.socket.pause();
    client.write(Buffer.concat(Array.from({ length: 2_000 }, () => rawRequest('/'))));
    let before = -1;
    while (before !== rig.crossings.length) {
      before = rig.crossings.length;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(500);
    client.socket.removeAllListeners('data').resume();
    await rig.crossing(1_999);
  });
});

describe('the limits of a backend', () => {
  it.runIf(process.platform === 'linux')('a connection has its time to open', async () => {
    const clock = new ManualClock();
    const closers: (() => Promise<void> | void)[] = [];
    const hanging = await hangingServer((close) => closers.push(close));
    await hanging.hang();
    const port = Number(new URL(hanging.url).port);
    const onTake = (request: LaneRequest) => request.forward(outboundTo(port, request));
    const rig = await LaneRig.start(answerOk, { onTake }, { clock, connectMs: 1_000 });
    const client = rig.client().write(rawRequest('/'));
    await rig.crossing(0);
    await pass(clock, 1_200);
    expect((await client.answer()).status).toBe(502);
    expect(rig.crossings[0]!.told).toEqual(['broken unsent', 'end unreachable']);
    for (const close of closers) await close();
  });

  it('an idle connection is closed before common servers close it', async () => {
    const clock = new ManualClock();
    const rig = await LaneRig.start(answerOk, {}, { clock });
    await rig.client().write(rawRequest('/')).next();
    expect(rig.lane.counts.idleBackends).toBe(1);
    await pass(clock, 3_800);
    expect(rig.lane.counts.idleBackends).toBe(1);
    await pass(clock, 400);
    expect(rig.lane.counts.idleBackends).toBe(0);
    await expect.poll(() => rig.lane.counts.backends).toBe(0);
  });

  it('keeps so many idle connections, and uses the last one first', async () => {
    const rig = await LaneRig.start(
      async (exchange) => {
        await rig.backend.signal.until(() => rig.backend.exchanges[2]);
        await exchange.answer('ok');
      },
      {},
      { maxIdleBackends: 2 },
    );
    const clients = [rig.client(), rig.client(), rig.client()];
    for (const client of clients) client.write(rawRequest('/'));
    for (const client of clients) await client.next();
    await expect.poll(() => rig.lane.counts).toMatchObject({ backends: 2, idleBackends: 2 });
    const used = new Set<unknown>();
    for (let i = 3; i < 8; i++) {
      clients[0]!.write(rawRequest('/'));
      await clients[0]!.next();
      used.add(rig.backend.exchanges[i]!.socket);
    }
    expect(used.size).toBe(1);
  });

  it('a switched connection of which half is closed may be silent for a minute', async () => {
    const clock = new ManualClock();
    const rig = await LaneRig.start(
      async (exchange) => {
        exchange.socket.removeAllListeners('end');
        await exchange.write('HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
      },
      {},
      { clock },
    );
    const client = rig
      .client()
      .write('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    await client.until(/\r\n\r\n$/);
    const ended = once(rig.backend.exchanges[0]!.socket, 'end');
    client.socket.allowHalfOpen = true;
    client.leave('fin');
    await ended;
    await pass(clock, 59_800);
    expect(rig.crossings[0]!.end).toBe(null);
    await pass(clock, 400);
    expect(await rig.crossings[0]!.ended()).toBe('gone');
  });
});
