import { afterEach, describe, expect, it } from 'vitest';
import { answerOk, type RawBackend, type RawExchange } from '../support/raw-backend.ts';
import { type RawClient, rawChat, rawRequest } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const chunkedHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const lengthHead = 'HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n';
const halfUpload = 'POST /any/x HTTP/1.1\r\nhost: gateway\r\ncontent-length: 100000\r\n\r\nhalf of it';

/** A gateway before a backend that takes one request at a time, and does with /any/held what the test says. */
async function start(script = (_: RawExchange): void | Promise<void> => undefined): Promise<RawBackend> {
  const backend = await rig.backend((exchange) =>
    exchange.path === '/any/next' ? answerOk(exchange) : script(exchange),
  );
  await rig.start(modelsAt([backend.url], 'concurrency: 1'));
  await rig.untilReady('any', 1);
  return backend;
}

/** Bytes without end, until the connection is closed; resolves when the gateway takes no more. */
async function flood(exchange: RawExchange, head: string, piece: Buffer): Promise<void> {
  await exchange.write(head);
  while (exchange.socket.write(piece)) await new Promise((resolve) => setImmediate(resolve));
}

async function nextWorks(): Promise<void> {
  const next = rig.client();
  next.write(rawRequest('/any/next', 'x'));
  expect((await next.answer()).body).toBe('ok');
  await rig.untilNothingIsHeld();
}

describe.each(['fin', 'rst'] as const)('a client that leaves (%s)', (how) => {
  it('within its head leaves nothing', async () => {
    const backend = await start();
    const client = rig.client();
    await client.send('POST /any/x HTTP/1.1\r\nhost: gate');
    client.leave(how);
    await client.closed();
    await nextWorks();
    expect(backend.exchanges).toHaveLength(1);
  });

  it('within its upload, already sent on, is told to the backend', async () => {
    const backend = await start();
    const client = rig.client();
    await client.send(halfUpload);
    const exchange = await backend.exchange(0);
    await exchange.untilBytes(10);
    client.leave(how);
    await exchange.closed();
    await nextWorks();
  });

  it('within a JSON upload never reaches the backend', async () => {
    const backend = await start();
    const client = rig.client();
    const request = rawChat({ padding: 'x'.repeat(100_000) });
    await client.send(request.subarray(0, 50_000));
    await expect.poll(async () => (await rig.holdings()).heldBytes).toBeGreaterThan(40_000);
    client.leave(how);
    await nextWorks();
    expect(backend.exchanges).toHaveLength(1);
  });

  it('while it waits behind another leaves the queue, and never reaches the backend', async () => {
    const backend = await start();
    const first = rig.client();
    first.write(rawRequest('/any/first', 'x'));
    const running = await backend.exchange(0);
    const client = rig.client();
    await client.send(rawRequest('/any/second', 'x'));
    await expect.poll(async () => (await rig.holdings()).waiting).toBe(1);
    client.leave(how);
    await expect.poll(async () => (await rig.holdings()).waiting).toBe(0);
    await running.answer('first');
    expect((await first.answer()).body).toBe('first');
    await nextWorks();
    expect(backend.exchanges.map(({ path }) => path)).toEqual(['/any/first', '/any/next']);
  });

  it('while it waits for a cold model leaves the queue', async () => {
    const backend = await rig.backend(answerOk);
    await backend.refuse();
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    await client.send(rawRequest('/any/x', 'x'));
    await expect.poll(async () => (await rig.holdings()).waiting).toBe(1);
    client.leave(how);
    await expect.poll(async () => (await rig.holdings()).waiting).toBe(0);
    await backend.listen();
    await nextWorks();
    expect(backend.exchanges.map(({ path }) => path)).toEqual(['/any/next']);
  });

  it('before the head of its answer is told to the backend', async () => {
    const backend = await start();
    const client = rig.client();
    client.write(rawRequest('/any/held', 'x'));
    const exchange = await backend.exchange(0);
    await exchange.whole();
    client.leave(how);
    await exchange.closed();
    await nextWorks();
  });

  it.each([
    ['a stream', chunkedHead, chunk('data: 1\n\n')],
    ['a body of known length', lengthHead, Buffer.from('{"half":')],
  ])('in the middle of %s is told to the backend', async (_what, head, piece) => {
    const backend = await start(async (exchange) => {
      await exchange.whole();
      await exchange.write(head);
      await exchange.write(piece);
    });
    const client = rig.client();
    client.write(rawRequest('/any/held', 'x'));
    await client.until(/data: 1|half/);
    client.leave(how);
    await backend.exchanges[0]!.closed();
    await nextWorks();
  });

  it('while it is lingered for leaves nothing', async () => {
    await start();
    const client = rig.client();
    await client.send('POST /nowhere HTTP/1.1\r\nhost: gateway\r\ncontent-length: 100000\r\n\r\nhalf');
    await client.until(/route_not_found/);
    client.leave(how);
    await client.closed();
    await nextWorks();
  });
});

describe('a client that does not read its answer', () => {
  const answers = [
    ['a stream', chunkedHead, chunk(`data: ${'x'.repeat(50_000)}\n\n`)],
    ['a body of known length', lengthHead, Buffer.alloc(50_000, 'x')],
  ] as const;

  /** Resolves when the backend can write no more, since nobody reads at the other end. */
  async function stalled(head: string, piece: Buffer): Promise<{ client: RawClient; exchange: RawExchange }> {
    const full = Promise.withResolvers<void>();
    const backend = await start(async (exchange) => {
      await exchange.whole();
      await flood(exchange, head, piece);
      full.resolve();
    });
    const client = rig.client();
    client.socket.pause();
    client.write(rawRequest('/any/held', 'x'));
    await full.promise;
    return { client, exchange: backend.exchanges[0]! };
  }

  it.each(answers)('holds %s back at the backend instead of filling memory', async (_what, head, piece) => {
    const before = process.memoryUsage().rss;
    const { client, exchange } = await stalled(head, piece);
    expect(exchange.socket.writableLength).toBeGreaterThan(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    client.leave('rst');
    await exchange.closed();
    await nextWorks();
  });

  it.each(answers)('and is closed by its program is told to the backend (%s)', async (_what, head, piece) => {
    const { client, exchange } = await stalled(head, piece);
    client.destroy();
    await exchange.closed();
    await nextWorks();
  });

  it.each(answers)(
    'and says that it sends no more (FIN) is told to the backend (%s)',
    async (_what, head, piece) => {
      const { client, exchange } = await stalled(head, piece);
      client.leave('fin');
      await exchange.closed();
      await nextWorks();
    },
  );

  it.each(answers)('gets all of it, in order, once it reads again (%s)', async (_what, head, piece) => {
    const { client } = await stalled(head, piece);
    let got = 0;
    client.socket.on('data', (bytes: Buffer) => {
      got += bytes.length;
    });
    client.socket.resume();
    await expect.poll(() => got).toBeGreaterThan(300_000);
    client.leave('rst');
    await nextWorks();
  });
});

describe('an answer that comes after its client left', () => {
  it('goes nowhere, and the next one gets its own', async () => {
    const backend = await start();
    for (let round = 0; round < 5; round++) {
      const client = rig.client();
      client.write(rawRequest('/any/held', `round ${round}`));
      const exchange = await backend.exchange(backend.exchanges.length);
      client.leave('rst');
      await exchange.answer(`late ${round}`);
      await nextWorks();
    }
  });
});
