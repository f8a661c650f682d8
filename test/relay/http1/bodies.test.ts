import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOk } from '../../support/raw-backend.ts';
import { rawRequest } from '../../support/raw-client.ts';
import { LaneRig, outboundTo } from './lane-rig.ts';

const bigBytes = 50 * 1024 * 1024;
const piece = Buffer.alloc(64 * 1024, 'abcdefghijklmnop');
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server of node:http, and a lane that forwards to it. */
async function rigBefore(listener: Parameters<typeof createServer>[1]) {
  const server: Server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  const { port } = server.address() as AddressInfo;
  return LaneRig.start(answerOk, { onTake: (taken) => taken.forward(outboundTo(port, taken)) });
}

async function count(stream: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  return bytes;
}

describe('large bodies', () => {
  it.each(['content-length', 'transfer-encoding'])('pass both ways at once (%s)', async (framing) => {
    const rig = await rigBefore((req, res) => {
      if (framing === 'content-length') res.setHeader(framing, bigBytes);
      req.pipe(res);
    });
    const agent = new Agent({ keepAlive: true });
    closers.push(() => agent.destroy());
    for (let round = 0; round < 2; round++) {
      const headers = framing === 'content-length' ? { [framing]: bigBytes } : {};
      const req = request(rig.url, { method: 'POST', headers, agent });
      const answered = once(req, 'response') as Promise<[IncomingMessage]>;
      const sending = (async () => {
        for (let sent = 0; sent < bigBytes; sent += piece.length) {
          if (!req.write(piece)) await once(req, 'drain');
        }
        req.end();
      })();
      const [res] = await answered;
      expect(await count(res)).toBe(bigBytes);
      await sending;
    }
    expect(rig.crossings.map(({ end, uploaded }) => [end, uploaded])).toEqual([
      ['answered', bigBytes],
      ['answered', bigBytes],
    ]);
    expect(rig.lane.counts).toMatchObject({ backends: 1, heldBytes: 0 });
  });

  it('wait for a client that does not read, and for a backend that does not', async () => {
    let written = 0;
    const rig = await rigBefore(async (req, res) => {
      if (req.url === '/up') return;
      for (let i = 0; i < bigBytes / piece.length; i++) {
        written += piece.length;
        if (!res.write(piece)) await once(res, 'drain');
      }
      res.end();
    });
    const slow = rig.client().write(rawRequest('/down', null, '', 'GET'));
    slow.socket.removeAllListeners('data').pause();
    const up = rig.client().write(rawRequest('/up', null, `content-length: ${bigBytes}\r\n`));
    let sent = 0;
    while (sent < bigBytes && (sent === 0 || !up.socket.writableNeedDrain)) {
      up.socket.write(piece);
      sent += piece.length;
    }
    // What the system's buffers take is taken within this time; nothing of what is held here may grow after it.
    let before = -1;
    const passed = () => written + up.socket.bytesWritten - up.socket.writableLength;
    while (before !== passed()) {
      before = passed();
      await sleep(300);
    }
    expect(written).toBeLessThan(bigBytes / 2);
    expect(up.socket.bytesWritten - up.socket.writableLength).toBeLessThan(bigBytes / 2);
    slow.socket.resume();
    const down = rig.crossings.find(({ request: { head } }) => head.target === '/down')!;
    await down.ended();
    expect([down.told, down.received.length]).toEqual([['head 200', 'end answered'], bigBytes]);
  });

  it('of waiting requests are held up to a bound, and sent whole later', async () => {
    const rig = await LaneRig.start(answerOk, { onTake: () => undefined }, { maxHeldBytes: 100_000 });
    const body = Buffer.alloc(300_000, 'x');
    const clients = [0, 1, 2].map(() => rig.client().write(rawRequest('/', body)));
    await rig.crossing(2);
    await expect.poll(() => rig.lane.counts.heldBytes).toBeGreaterThan(100_000);
    const held = rig.lane.counts.heldBytes;
    await sleep(50);
    expect(rig.lane.counts.heldBytes).toBe(held);
    // Each may have one read above its bound.
    expect(held).toBeLessThan(3 * 2 * 64 * 1024 + 1);
    for (const { request: waiting } of rig.crossings) rig.forward(waiting);
    for (const client of clients) expect((await client.answer()).body).toBe('ok');
    expect(rig.backend.exchanges.map((one) => one.body.bytes.length)).toEqual([300_000, 300_000, 300_000]);
    expect(rig.lane.counts.heldBytes).toBe(0);
  });
});

describe('an answer before the end of its request', () => {
  it('is passed on at once, and the upload goes on to its end', async () => {
    const rig = await LaneRig.start(async (exchange) => {
      await exchange.untilBytes(5);
      await exchange.answer('early');
      await exchange.whole();
    });
    const client = rig.client().write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello');
    expect((await client.next()).body).toBe('early');
    expect(rig.crossings[0]!.end).toBe(null);
    client.write('world');
    expect(await rig.crossings[0]!.ended()).toBe('answered');
    expect((await rig.backend.exchanges[0]!.whole()).toString()).toBe('helloworld');
    client.write(rawRequest('/again', 'x'));
    await rig.backend.exchange(1);
    expect(rig.lane.counts.backends).toBe(1);
  });

  it('ends the exchange where the backend hangs up, and the client may send on for a while', async () => {
    const rig = await LaneRig.start(async (exchange) => {
      await exchange.untilBytes(5);
      await exchange.answer('enough', '413 Content Too Large');
      exchange.end();
    });
    const client = rig.client().write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\nhello');
    expect((await client.answer()).status).toBe(413);
    expect(await rig.crossings[0]!.ended()).toBe('answered');
    for (let i = 0; i < 20; i++) await client.send(piece);
    expect(client.text).toMatch(/enough$/);
    client.leave('fin');
    expect(await client.closed()).toBe('ended');
  });

  it.each([
    ['passed on', 'HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno', 413, 'answered'],
    ['missed', '', 502, 'reset'],
  ] as const)(
    'is %s where the backend resets the connection amid the upload',
    async (_name, text, status, end) => {
      const rig = await LaneRig.start(answerOk);
      rig.backend.onConnection = (socket) => {
        socket.removeAllListeners('data').once('data', () => {
          socket.pause();
          // Unread bytes make of this a reset.
          setTimeout(() => socket.write(text, () => socket.destroy()), 10);
        });
      };
      for (let i = 0; i < 10; i++) {
        const client = rig.client().write(rawRequest('/', null, `content-length: ${bigBytes}\r\n`));
        const sending = (async () => {
          while (client.socket.writable) await client.send(piece);
        })();
        expect((await client.answer()).status).toBe(status);
        expect(await rig.crossings[i]!.ended()).toBe(end);
        client.destroy();
        await sending;
      }
      await expect.poll(() => rig.lane.counts).toMatchObject({ backends: 0, clients: 0 });
    },
  );

  it('streams both ways at once', async () => {
    const rig = await LaneRig.start(async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      for (let i = 1; i <= 3; i++) {
        const bytes = await exchange.untilBytes(i);
        await exchange.write(`1\r\n${bytes.toString('latin1', i - 1, i)}\r\n`);
      }
      await exchange.write('0\r\n\r\n');
      await exchange.whole();
    });
    const client = rig.client().write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    for (const letter of ['x', 'y', 'z']) {
      client.write(`1\r\n${letter}\r\n`);
      await client.until(new RegExp(`\\r\\n${letter}\\r\\n`));
    }
    await client.until(/0\r\n\r\n$/);
    client.write('0\r\n\r\n');
    expect(await rig.crossings[0]!.ended()).toBe('answered');
    expect(rig.lane.counts.idleBackends).toBe(1);
  });
});

describe('Expect: 100-continue', () => {
  const head = 'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n';

  it('is passed on, and the 100 back', async () => {
    const rig = await LaneRig.start(async (exchange) => {
      expect(exchange.head.fields.get('expect')).toBe('100-continue');
      await exchange.write('HTTP/1.1 100 Continue\r\n\r\n');
      await answerOk(exchange);
    });
    const client = rig.client().write(head);
    await client.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    client.write('hello');
    const { status, interim, fields } = await client.next();
    expect([status, interim.length, fields.get('connection')]).toEqual([200, 1, undefined]);
  });

  it('ends with the answer of a backend that does not want the body, and the connection with it', async () => {
    const rig = await LaneRig.start((exchange) => exchange.answer('no', '403 Forbidden'));
    const client = rig.client().write(head);
    const answer = await client.answer();
    expect([answer.status, answer.fields.get('connection')]).toEqual([403, 'close']);
    expect(await rig.crossings[0]!.ended()).toBe('answered');
    client.leave('fin');
    expect(await client.closed()).toBe('ended');
    expect(rig.lane.counts.idleBackends).toBe(0);
  });

  it('does not hold up a client that sends all the same', async () => {
    const rig = await LaneRig.start(answerOk);
    const client = rig.client().write(`${head}hello`);
    expect((await client.next()).body).toBe('ok');
  });
});

describe('interim answers', () => {
  it('are passed on before the final one, but not to HTTP/1.0', async () => {
    const rig = await LaneRig.start(async (exchange) => {
      await exchange.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHT');
      await exchange.write('TP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
    const { interim, body } = await rig.client().write(rawRequest('/')).answer();
    expect([interim.map((one) => one.status), interim[0]!.fields.get('link'), body]).toEqual([
      [103, 102],
      '</a>',
      'ok',
    ]);
    const old = await rig.client().write('GET / HTTP/1.0\r\n\r\n').answer();
    expect([old.interim, old.body]).toEqual([[], 'ok']);
  });
});
