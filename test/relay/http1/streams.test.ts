import { describe, expect, it } from 'vitest';
import { answerOk, type RawExchange } from '../../support/raw-backend.ts';
import { rawRequest } from '../../support/raw-client.ts';
import { LaneRig, textAnswer } from './lane-rig.ts';

const event = 'event: error\ndata: é\n\n';
const stream = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const refusal = textAnswer(504, 'too late');

/** A request whose crossing comments, then forwards when the test says so. */
async function commented(script: (exchange: RawExchange) => void | Promise<void>, version = '1.1') {
  const rig = await LaneRig.start(script, {
    onTake: (request) => request.comment(': waiting\n\n'),
    brokenEvent: event,
  });
  const client = rig.client().write(`GET / HTTP/${version}\r\nhost: a\r\n\r\n`);
  await client.until(/: waiting\n\n/);
  const crossing = await rig.crossing(0);
  expect(crossing.request.hasHead).toBe(true);
  return { rig, client, crossing };
}

describe('an event stream that begins with comments', () => {
  it.each([
    ['chunks', `${stream}9\r\ndata: x\n\n\r\n0\r\n\r\n`, false],
    [
      'content-length',
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9\r\n\r\ndata: x\n\n',
      false,
    ],
    [
      'the end of the connection',
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n',
      true,
    ],
  ])('goes on with the stream of the backend (%s)', async (_name, text, isClosed) => {
    const { rig, client, crossing } = await commented(async (exchange) => {
      await exchange.write(text);
      if (isClosed) exchange.end();
    });
    crossing.request.comment(': still waiting\n\n');
    rig.forward(crossing.request);
    const { status, body, isWhole, fields } = await client.answer();
    expect([status, body, isWhole]).toEqual([200, ': waiting\n\n: still waiting\n\ndata: x\n\n', true]);
    expect(fields.get('content-type')).toBe('text/event-stream');
    expect(crossing.told).toEqual(['head 200', 'end answered']);
  });

  it('ends with the connection for HTTP/1.0', async () => {
    const { rig, client, crossing } = await commented(
      (exchange) => exchange.write(`${stream}9\r\ndata: x\n\n\r\n0\r\n\r\n`),
      '1.0',
    );
    rig.forward(crossing.request);
    await crossing.ended();
    expect((await client.until(/data: x\n\n$/)).split('\r\n\r\n')[1]).toBe(': waiting\n\ndata: x\n\n');
  });

  it.each([
    ['another status', 'HTTP/1.1 500 Oh\r\ncontent-type: text/event-stream\r\ncontent-length: 0\r\n\r\n'],
    ['another type', 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'],
    ['an encoding', `${stream.slice(0, -2)}content-encoding: gzip\r\n\r\n1\r\nx\r\n`],
  ])('ends with an error event and a cut where the answer has %s', async (_name, text) => {
    const { rig, client, crossing } = await commented((exchange) => exchange.write(text));
    rig.forward(crossing.request);
    await client.closed();
    const { body, isWhole } = await client.answer();
    expect([body, isWhole]).toEqual([`: waiting\n\n${event}`, false]);
    expect(crossing.told.slice(1)).toEqual(['brokenEvent', 'end reset']);
  });

  it('ends with an error event where the backend cannot be reached', async () => {
    const { rig, client, crossing } = await commented(answerOk);
    await rig.backend.close();
    rig.forward(crossing.request);
    await client.closed();
    expect((await client.answer()).body).toBe(`: waiting\n\n${event}`);
    expect(crossing.told).toEqual(['brokenEvent', 'end unreachable']);
  });

  it('is cut behind an event where the crossing says so', async () => {
    const { client, crossing } = await commented(answerOk);
    crossing.request.cut(refusal, event);
    await client.closed();
    const { body, isWhole } = await client.answer();
    expect([body, isWhole, crossing.told]).toEqual([`: waiting\n\n${event}`, false, ['end cut']]);
  });

  it('is not begun for HEAD', async () => {
    const rig = await LaneRig.start(answerOk, {
      onTake: (request) => {
        request.comment(': waiting\n\n');
        request.answer(refusal);
      },
    });
    const answer = await rig
      .client('HEAD')
      .write(rawRequest('/', null, '', 'HEAD'))
      .answer();
    expect([answer.status, answer.fields.get('content-length'), answer.body]).toEqual([504, '8', '']);
  });
});

describe('a cut', () => {
  it('is the answer where nothing was sent, and the backend loses the request', async () => {
    const rig = await LaneRig.start(() => undefined);
    const client = rig.client().write(rawRequest('/'));
    const exchange = await rig.backend.exchange(0);
    rig.crossings[0]!.request.cut(refusal, null);
    expect((await client.next()).body).toBe('too late');
    await exchange.closed();
    expect(rig.crossings[0]!.told).toEqual(['end cut']);
    client.write(rawRequest('/'));
    await rig.crossing(1);
  });

  it.each([
    ['at the end of an event', '9\r\ndata: x\n\n\r\n', true],
    ['before the end of that chunk is there', '9\r\ndata: x\n\n', true],
    ['within the end of that chunk', '9\r\ndata: x\n\n\r', true],
    ['behind a begun size line', '9\r\ndata: x\n\n\r\n1', true],
    ['behind an event with CRLF', 'b\r\ndata: x\r\n\r\n\r\n', true],
    ['within an event', '8\r\ndata: x\n\r\n', false],
    ['within a chunk', 'a\r\ndata: x\n\n', false],
  ])('of a stream of events has an event: %s', async (_name, text, hasEvent) => {
    const rig = await LaneRig.start(async (exchange) => {
      for (const letter of stream + text) await exchange.write(letter);
    });
    const client = rig.client().write(rawRequest('/'));
    const wanted = text.endsWith('1') ? text.slice(0, -1) : text;
    await client.until(new RegExp(`${wanted.replaceAll(/[\r\n]/g, '\\s')}$`));
    if (text.endsWith('1')) await new Promise((resolve) => setTimeout(resolve, 20));
    rig.crossings[0]!.request.cut(refusal, event);
    await client.closed();
    const { body, isWhole } = await client.answer();
    expect([body.includes('data: é'), isWhole]).toEqual([hasEvent, false]);
    expect(rig.crossings[0]!.told).toEqual(['head 200', 'end cut']);
  });

  it.each(['onHead', 'onBytes'] as const)('may come within %s', async (where) => {
    const rig = await LaneRig.start((exchange) => exchange.answer('body'), {
      onHead: (_status, fields, crossing) => {
        if (where === 'onHead') crossing.request.cut(refusal, null);
        return fields;
      },
      onBytes: (_bytes, crossing) => crossing.request.cut(refusal, null),
    });
    const client = rig.client().write(rawRequest('/'));
    if (where === 'onHead') expect((await client.answer()).status).toBe(504);
    else await client.closed();
    expect(rig.crossings[0]!.told).toEqual(['head 200', 'end cut']);
    await expect.poll(() => rig.lane.counts.backends).toBe(0);
  });

  it('of an answer to HTTP/1.0 is a reset', async () => {
    const rig = await LaneRig.start((exchange) => exchange.write('HTTP/1.1 200 OK\r\n\r\nabc'));
    const client = rig.client().write('GET / HTTP/1.0\r\n\r\n');
    await client.until(/abc$/);
    rig.crossings[0]!.request.cut(refusal, null);
    expect(await client.closed()).toBe('reset');
  });

  it('within the making of the crossing is the answer', async () => {
    const rig = await LaneRig.start(answerOk, {
      onTake: (request) => {
        rig.forward(request);
        request.cut(refusal, null);
      },
    });
    expect((await rig.client().write(rawRequest('/')).answer()).status).toBe(504);
    expect(rig.crossings[0]!.told).toEqual(['end cut']);
    expect(rig.backend.exchanges).toEqual([]);
  });
});

describe('once a request has ended', () => {
  it('nothing of it does anything', async () => {
    const rig = await LaneRig.start(answerOk);
    const client = rig.client().write(rawRequest('/', 'body'));
    const { request } = await rig.crossing(0);
    expect((await client.next()).body).toBe('ok');
    request.answer(refusal);
    request.comment(': x\n\n');
    request.cut(refusal, event);
    rig.forward(request);
    client.write(rawRequest('/'));
    expect((await client.next()).body).toBe('ok');
    expect(rig.crossings.map(({ told }) => told)).toEqual([
      ['head 200', 'end answered'],
      ['head 200', 'end answered'],
    ]);
  });
});
