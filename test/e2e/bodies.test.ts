import { afterEach, describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const head = (path: string, fields: string) => `POST ${path} HTTP/1.1\r\nhost: gateway\r\n${fields}\r\n`;
const lastChunk = '0\r\n\r\n';

describe('a path-routed body', () => {
  it('streams to a free replica while the client still sends it', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(`${head('/any/x', 'content-length: 10\r\n')}first`);
    const exchange = await backend.exchange(0);
    expect((await exchange.untilBytes(5)).toString()).toBe('first');
    expect(exchange.head.fields.get('content-length')).toBe('10');
    client.write('-last');
    expect((await exchange.whole()).toString()).toBe('first-last');
    expect((await client.answer()).body).toBe('ok');
    await rig.untilNothingIsHeld();
  });

  it('streams in chunks when its length is not known', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(head('/any/x', 'transfer-encoding: chunked\r\n')).write(chunk('first'));
    const exchange = await backend.exchange(0);
    expect((await exchange.untilBytes(5)).toString()).toBe('first');
    expect(exchange.head.fields.get('transfer-encoding')).toBe('chunked');
    expect(exchange.head.fields.has('content-length')).toBe(false);
    client.write(chunk('-last')).write(lastChunk);
    expect((await exchange.whole()).toString()).toBe('first-last');
    expect((await client.answer()).body).toBe('ok');
  });

  it('is let through by Expect: 100-continue only once its way is known', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(head('/any/x', 'content-length: 4\r\nexpect: 100-continue\r\n'));
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    client.write('body');
    const answer = await client.answer();
    expect([answer.body, answer.interim.map(({ status }) => status)]).toEqual(['ok', [100]]);
    expect(backend.exchanges[0]!.head.fields.has('expect')).toBe(false);
    const refused = rig.client();
    refused.write(head('/nowhere', 'content-length: 4\r\nexpect: 100-continue\r\n'));
    const refusal = await refused.answer();
    expect([refusal.status, refusal.code, refusal.interim]).toEqual([404, 'route_not_found', []]);
  });

  it('is refused in the middle of a chunked upload when it grows over maxBody, and the backend is cut off', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]), { server: { maxBodyBytes: 100_000 } });
    const client = rig.client();
    client.write(head('/any/x', 'transfer-encoding: chunked\r\n')).write(chunk(Buffer.alloc(60_000)));
    const exchange = await backend.exchange(0);
    await exchange.untilBytes(60_000);
    client.write(chunk(Buffer.alloc(60_000)));
    const answer = await client.answer();
    expect([answer.status, answer.code]).toEqual([413, 'body_too_large']);
    await exchange.closed();
    expect(exchange.body.isWhole).toBe(false);
    await rig.untilNothingIsHeld();
  });
});

describe('a body that is answered before it is complete', () => {
  it.each([
    ['200 OK', 200],
    ['400 Bad Request', 400],
  ])('passes an early %s on, and the next request works', async (statusLine, status) => {
    const backend = await rig.backend(async (exchange) => {
      await exchange.untilBytes(5);
      await exchange.answer('early', statusLine);
    });
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(`${head('/any/x', 'content-length: 10\r\n')}first`);
    const answer = await client.next();
    expect([answer.status, answer.body]).toEqual([status, 'early']);
    await backend.exchanges[0]!.closed();
    await rig.untilNothingIsHeld();
    client.write('-last').write(rawRequest('/any/next', 'second request'));
    expect((await client.next()).body).toBe('early');
    expect(backend.exchanges.map(({ path }) => path)).toEqual(['/any/x', '/any/next']);
  });

  it('goes on being sent while its answer already streams', async () => {
    const backend = await rig.backend(async (exchange) => {
      await exchange.untilBytes(5);
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      await exchange.write(chunk('begun '));
      await exchange.write(chunk((await exchange.whole()).toString()));
      await exchange.write('0\r\n\r\n');
    });
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(`${head('/any/x', 'content-length: 10\r\n')}first`);
    await client.until(/begun /);
    client.write('-last');
    expect((await client.answer()).body).toBe('begun first-last');
    await rig.untilNothingIsHeld();
  });
});

describe('the bytes of a body', () => {
  it('are let go of as soon as its answer has begun, however long that streams', async () => {
    const backend = await rig.backend(async (exchange) => {
      await exchange.whole();
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      await exchange.write(chunk('begun'));
    });
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(rawRequest('/any/x', Buffer.alloc(600_000)));
    await client.until(/begun/);
    await expect.poll(() => rig.holdings()).toMatchObject({ inFlight: 1, heldBytes: 0 });
    await backend.exchanges[0]!.write('0\r\n\r\n');
    expect((await client.answer()).body).toBe('begun');
  });

  it('are kept while the answer may still be that of a replica that loads', async () => {
    const backend = await rig.backend(answerOk);
    backend.script = (exchange) => exchange.write('HTTP/1.1 503 X\r\ncontent-length: 13\r\n\r\nLoading');
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(rawRequest('/any/x', Buffer.alloc(100_000)));
    await (await backend.exchange(0)).whole();
    expect(await rig.holdings()).toMatchObject({ inFlight: 1, heldBytes: 100_000 });
    backend.script = answerOk;
    await backend.exchanges[0]!.write(' model');
    expect((await client.answer()).body).toBe('ok');
    expect(backend.exchanges[1]!.body.bytes).toHaveLength(100_000);
  });
});

describe('an empty body', () => {
  it.each([
    ['content-length: 0\r\n', '0'],
    ['', '0'],
  ])('with the fields %j streams as one', async (fields, length) => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(head('/any/x', fields));
    expect((await client.answer()).body).toBe('ok');
    expect(backend.exchanges[0]!.head.fields.get('content-length')).toBe(length);
  });

  it('in chunks arrives as an empty one', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(head('/any/x', 'transfer-encoding: chunked\r\n') + lastChunk);
    expect((await client.answer()).body).toBe('ok');
    expect((await backend.exchanges[0]!.whole()).length).toBe(0);
  });

  it('or one of a byte where JSON is wanted is refused', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]));
    for (const body of ['', '{']) {
      const client = rig.client();
      client.write(rawRequest('/v1/chat/completions', body, 'content-type: application/json\r\n'));
      const answer = await client.answer();
      expect([answer.status, answer.code]).toEqual([400, 'invalid_body']);
    }
    expect(backend.exchanges).toHaveLength(0);
  });
});
