import { describe, expect, it } from 'vitest';
import { answerOk } from '../../support/raw-backend.ts';
import { rawRequest } from '../../support/raw-client.ts';
import { LaneRig, textAnswer } from './lane-rig.ts';

describe('a request through the lane of HTTP/1.1', () => {
  it('passes head and body on, and the answer back', async () => {
    const rig = await LaneRig.start(async (exchange) => {
      expect((await exchange.whole()).toString()).toBe('hello');
      await exchange.answer('world', '200 Fine', 'x-a: b\r\n');
    });
    const answer = await rig
      .client()
      .write(rawRequest('/p?q=1', 'hello', 'x-c: d\r\n'))
      .answer();
    expect([answer.status, answer.reason, answer.body, answer.fields.get('x-a')]).toEqual([
      200,
      'Fine',
      'world',
      'b',
    ]);
    const { head } = rig.backend.exchanges[0]!;
    expect(head.startLine).toBe('POST /p?q=1 HTTP/1.1');
    expect([...head.fields]).toEqual([
      ['host', 'gateway'],
      ['x-c', 'd'],
      ['content-length', '5'],
    ]);
    const crossing = rig.crossings[0]!;
    expect(await crossing.ended()).toBe('answered');
    expect(crossing.told).toEqual(['head 200', 'end answered']);
    expect([crossing.uploaded, crossing.received]).toEqual([5, 'world']);
  });

  it('serves one request after the other on one connection each', async () => {
    const rig = await LaneRig.start(answerOk);
    const client = rig.client();
    for (let i = 0; i < 5; i++) {
      client.write(rawRequest(`/${i}`, 'x'.repeat(i)));
      expect((await client.next()).body).toBe('ok');
    }
    expect(rig.lane.counts).toEqual({ clients: 1, backends: 1, idleBackends: 1, heldBytes: 0 });
  });

  it('serves pipelined requests in their order', async () => {
    const rig = await LaneRig.start(async (exchange) => exchange.answer(exchange.path));
    const client = rig.client();
    const all = ['/a', '/b', '/c', '/d'].map((path) => rawRequest(path, 'body'));
    client.write(Buffer.concat(all));
    for (const path of ['/a', '/b', '/c', '/d']) expect((await client.next()).body).toBe(path);
  });

  it('passes a chunked body and its trailers on as they came', async () => {
    const rig = await LaneRig.start(async (exchange) => {
      await exchange.whole();
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n');
      await exchange.write('0\r\nx-sum: 7\r\n\r\n');
    });
    const client = rig.client();
    client.write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n');
    client.write('1;a="b"\r\n!\r\n0\r\nx-t: 1\r\n\r\n');
    const answer = await client.answer();
    expect([answer.body, answer.trailers, answer.isWhole]).toEqual(['abc', ['x-sum: 7'], true]);
    expect(rig.backend.exchanges[0]!.raw.toString()).toBe(
      '5\r\nhello\r\n1;a="b"\r\n!\r\n0\r\nx-t: 1\r\n\r\n',
    );
  });

  it('answers itself where the crossing says so, and keeps the connection', async () => {
    const rig = await LaneRig.start(answerOk, {
      onTake: (request) => request.answer(textAnswer(503, 'no')),
    });
    const client = rig.client();
    for (let i = 0; i < 3; i++) {
      client.write(rawRequest('/', 'body'));
      const answer = await client.next();
      expect([answer.status, answer.body, answer.fields.get('connection')]).toEqual([503, 'no', undefined]);
    }
    expect(rig.crossings.map(({ end }) => end)).toEqual(['own', 'own', 'own']);
  });

  it('sends a request on later, once', async () => {
    const rig = await LaneRig.start(answerOk, { onTake: () => undefined });
    const client = rig.client().write(rawRequest('/', 'held'));
    const { request, ended } = await rig.crossing(0);
    expect(rig.backend.exchanges).toEqual([]);
    rig.forward(request);
    rig.forward(request);
    expect((await client.answer()).body).toBe('ok');
    expect(rig.backend.exchanges).toHaveLength(1);
    expect(await ended.call(rig.crossings[0])).toBe('answered');
  });

  it('tells a waiting request that its client left', async () => {
    const rig = await LaneRig.start(answerOk, { onTake: () => undefined });
    for (const [n, how] of (['fin', 'rst'] as const).entries()) {
      const client = rig.client().write(rawRequest('/', 'held'));
      const crossing = await rig.crossing(n);
      client.leave(how);
      expect(await crossing.ended()).toBe('gone');
    }
    expect(rig.lane.counts.heldBytes).toBe(0);
  });

  it('tells one that cannot be sent, and one that was and got no answer', async () => {
    const rig = await LaneRig.start((exchange) => exchange.end());
    const client = rig.client().write(rawRequest('/'));
    expect((await client.next()).status).toBe(502);
    expect(rig.crossings[0]!.told).toEqual(['broken sent', 'end reset']);
    await rig.backend.close();
    client.write(rawRequest('/'));
    expect((await client.next()).status).toBe(502);
    expect(rig.crossings[1]!.told).toEqual(['broken unsent', 'end unreachable']);
    expect(rig.lane.counts.backends).toBe(0);
  });

  it('drains: what is under way ends, then connections close', async () => {
    const rig = await LaneRig.start(answerOk, { onTake: () => undefined });
    const idle = rig.client();
    const busy = rig.client().write(rawRequest('/'));
    const { request } = await rig.crossing(0);
    await expect.poll(() => rig.lane.counts.clients).toBe(2);
    const drained = rig.lane.drain();
    expect(await idle.closed()).toBe('ended');
    rig.forward(request);
    const answer = await busy.answer();
    expect([answer.body, answer.fields.get('connection')]).toEqual(['ok', 'close']);
    await drained;
    expect(rig.lane.counts.clients).toBe(0);
  });

  it('closes a connection whose answer had begun before the drain, when that has ended', async () => {
    const rig = await LaneRig.start((exchange) =>
      exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun '),
    );
    const client = rig.client().write(rawRequest('/'));
    await client.until(/begun $/);
    const drained = rig.lane.drain();
    await rig.backend.exchanges[0]!.write('end');
    const { body, fields } = await client.answer();
    expect([body, fields.get('connection')]).toEqual(['begun end', undefined]);
    expect(await client.closed()).toBe('ended');
    await drained;
    expect(rig.lane.counts.clients).toBe(0);
  });

  it('cuts everything when it is closed', async () => {
    const rig = await LaneRig.start((exchange) =>
      exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nbegun'),
    );
    const [busy, idle] = [rig.client().write(rawRequest('/')), rig.client()];
    await busy.until(/begun$/);
    await expect.poll(() => rig.lane.counts.clients).toBe(2);
    rig.lane.close();
    expect(rig.crossings[0]!.told).toEqual(['head 200', 'end gone']);
    await Promise.all([busy.closed(), idle.closed()]);
    await expect
      .poll(() => rig.lane.counts)
      .toEqual({ clients: 0, backends: 0, idleBackends: 0, heldBytes: 0 });
  });
});
