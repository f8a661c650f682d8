import { describe, expect, it } from 'vitest';
import { answerOk } from '../../support/raw-backend.ts';
import { rawRequest } from '../../support/raw-client.ts';
import { LaneRig } from './lane-rig.ts';

/** The answer of a backend that writes `parts`, each in a read of its own, and closes where `isClosed`. */
async function answerTo(
  parts: readonly string[],
  isClosed = false,
  request = rawRequest('/'),
  method = 'POST',
) {
  const rig = await LaneRig.start(async (exchange) => {
    for (const part of parts) {
      await exchange.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (isClosed) exchange.end();
  });
  const client = rig.client(method).write(request);
  const answer = await client.answer();
  const end = await rig.crossings[0]!.ended();
  return { rig, client, answer, end, received: rig.crossings[0]!.received };
}

const old = Buffer.from('GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n');

describe('the framing of answers', () => {
  it('puts a body that ends with its connection into chunks', async () => {
    const { answer, rig, end } = await answerTo(['HTTP/1.1 200 OK\r\n\r\n', 'ab', 'c'], true);
    expect([answer.body, answer.fields.get('transfer-encoding'), answer.isWhole, end]).toEqual([
      'abc',
      'chunked',
      true,
      'answered',
    ]);
    expect(rig.lane.counts.idleBackends).toBe(0);
  });

  it.each([
    ['content-length', ['HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc'], false],
    [
      'chunks',
      ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n', '2\r\nbc\r\n0\r\n\r\n'],
      false,
    ],
    ['the end of the connection', ['HTTP/1.0 200 OK\r\n\r\nab', 'c'], true],
  ] as const)('is the end of the connection for HTTP/1.0 (%s)', async (_name, parts, isClosed) => {
    const { answer, client, received } = await answerTo(parts, isClosed, old);
    expect([answer.body, answer.fields.get('transfer-encoding'), received]).toEqual([
      'abc',
      undefined,
      'abc',
    ]);
    expect(answer.fields.get('connection')).toBe('close');
    client.leave('fin');
    expect(await client.closed()).toBe('ended');
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n', 'HEAD'],
    ['HEAD with chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', 'HEAD'],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 'POST'],
    ['304', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 30\r\n\r\n', 'POST'],
  ])('has no body with %s', async (_name, head, method) => {
    const { answer, rig, client } = await answerTo([head], false, rawRequest('/', null, '', method), method);
    expect([answer.isWhole, answer.body, rig.lane.counts.idleBackends]).toEqual([true, '', 1]);
    rig.backend.script = answerOk;
    await client.next();
    client.write(rawRequest('/', null, '', method));
    await rig.crossing(1);
  });

  it('drops fields of the hop, and those that Connection names', async () => {
    const fields =
      'connection: x-hop, keep-alive\r\nx-hop: 1\r\nkeep-alive: timeout=9\r\nte: x\r\nx-b: 2\r\n';
    const { answer } = await answerTo([`HTTP/1.1 200 OK\r\ncontent-length: 0\r\n${fields}\r\n`]);
    expect([...answer.fields]).toEqual([
      ['content-length', '0'],
      ['x-b', '2'],
    ]);
  });

  it('flushes each byte of a stream at once', async () => {
    let next: (() => void) | undefined;
    const rig = await LaneRig.start(async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      for (const letter of 'abc') {
        await exchange.write(`1\r\n${letter}\r\n`);
        await new Promise<void>((resolve) => {
          next = resolve;
        });
      }
      await exchange.write('0\r\n\r\n');
    });
    const client = rig.client().write(rawRequest('/'));
    for (const letter of 'abc') {
      await client.until(new RegExp(`1\r\n${letter}\r\n$`));
      next!();
    }
    expect((await client.answer()).body).toBe('abc');
  });
});

describe('an answer that is none', () => {
  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['a bad status', 'HTTP/1.1 2x0 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['both framings', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab'],
    ['another coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['a bad length', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'],
    ['a folded field', 'HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n'],
    ['a control character', 'HTTP/1.1 200 OK\r\na: b\x01\r\n\r\n'],
    ['a space before a colon', 'HTTP/1.1 200 OK\r\ncontent-length : 1\r\n\r\n'],
    ['a head above its limit', `HTTP/1.1 200 OK\r\na: ${'b'.repeat(70_000)}\r\n\r\n`],
    ['a switch nobody asked for', 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
    ['interim answers without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(101)],
  ])("is the crossing's to answer: %s", async (_name, text) => {
    const { answer, end, rig } = await answerTo([text]);
    expect([answer.status, end, rig.crossings[0]!.told[0]]).toEqual([502, 'reset', 'broken sent']);
    await expect.poll(() => rig.lane.counts.backends).toBe(0);
  });
});

describe('an answer that breaks off', () => {
  it.each([
    ['content-length', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'],
    ['chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc'],
    ['its last chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n'],
  ])('is seen to be cut (%s)', async (_name, text) => {
    const { answer, end } = await answerTo([text], true);
    expect([answer.body, answer.isWhole, end]).toEqual(['abc', false, 'reset']);
  });

  it('is cut where a chunk is malformed, and nothing of it is passed on', async () => {
    const { answer, client, end } = await answerTo([
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n',
      '3x\r\nabc\r\n0\r\n\r\n',
    ]);
    expect([answer.body, answer.isWhole, end]).toEqual(['abc', false, 'reset']);
    expect(client.text).toMatch(/\r\nabc\r\n$/);
  });

  it('is a reset for HTTP/1.0, where nothing else tells it from a whole one', async () => {
    const rig = await LaneRig.start(async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n');
      await rig.signal.until(() => rig.crossings[0]!.received || undefined);
      exchange.reset();
    });
    const client = rig.client().write('GET / HTTP/1.0\r\n\r\n');
    await client.until(/abc$/);
    rig.signal.tell();
    expect(await client.closed()).toBe('reset');
  });
});

describe('a connection that lies idle', () => {
  it('is not used again where the backend sent more than its answer', async () => {
    const { rig, client } = await answerTo([
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 evil',
    ]);
    await client.next();
    expect(rig.lane.counts.idleBackends).toBe(0);
  });

  it.each([
    ['bytes come on it', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'],
    ['its backend closes it', null],
  ])('is dropped when %s', async (_name, text) => {
    const rig = await LaneRig.start(answerOk);
    const client = rig.client().write(rawRequest('/'));
    await client.next();
    expect(rig.lane.counts.idleBackends).toBe(1);
    const { socket } = rig.backend.exchanges[0]!;
    if (text === null) socket.end();
    else socket.write(text);
    await expect.poll(() => rig.lane.counts).toMatchObject({ backends: 0, idleBackends: 0 });
    client.write(rawRequest('/'));
    expect((await client.next()).body).toBe('ok');
  });

  it.each([
    ['says so', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'],
    ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok'],
    ['keeps it for a second', 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok'],
  ])('is none where the backend %s', async (_name, text) => {
    const { rig, answer } = await answerTo([text]);
    expect([answer.body, rig.lane.counts.idleBackends]).toEqual(['ok', 0]);
  });
});
