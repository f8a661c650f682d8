import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

describe('HTTP/1.1', () => {
  it('stays HTTP/1.1, with its method, target and body', async () => {
    const app = await rig.app(answerOk);
    await rig.start(app);
    const path = '/a%2Fb/../c?x=%20&y=ü'.replace('ü', '%C3%BC');
    const request = rawRequest(path, 'the body', '', 'PROPFIND');
    expect(await rig.client().write(request).answer()).toMatchObject({ status: 200, body: 'ok' });
    const exchange = app.exchanges[0]!;
    expect(exchange.head.startLine).toBe(`PROPFIND ${path} HTTP/1.1`);
    expect((await exchange.whole()).toString()).toBe('the body');
    expect(exchange.head.fields.get('content-length')).toBe('8');
  });

  it('a chunked body arrives chunked', async () => {
    const app = await rig.app(answerOk);
    await rig.start(app);
    const client = rig.client().write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    client.write(chunk('one'));
    const exchange = await app.exchange(0);
    expect((await exchange.untilBytes(3)).toString()).toBe('one');
    client.write(chunk('two')).write('0\r\n\r\n');
    expect(await client.answer()).toMatchObject({ status: 200 });
    expect((await exchange.whole()).toString()).toBe('onetwo');
    expect(exchange.head.fields.get('transfer-encoding')).toBe('chunked');
  });

  it('every byte of an answer is passed on when it comes', async () => {
    const app = await rig.app(async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      for (const letter of 'flushed') {
        await exchange.write(chunk(letter));
        // The next is sent when the client has this one.
        await client.until(new RegExp(`${letter}\r\n$`));
      }
      await exchange.write('0\r\n\r\n');
    });
    await rig.start(app);
    const client = rig.client();
    client.write(rawRequest('/', 'x'));
    expect(await client.answer()).toMatchObject({ status: 200, body: 'flushed', isWhole: true });
  });

  it('so is every byte of a request', async () => {
    const app = await rig.app(answerOk);
    await rig.start(app);
    const client = rig.client().write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 7\r\n\r\n');
    const exchange = await app.exchange(0);
    for (let count = 1; count <= 7; count++) {
      client.write('flushed'[count - 1]!);
      await exchange.untilBytes(count);
    }
    expect(await client.answer()).toMatchObject({ status: 200, body: 'ok' });
  });

  it('trailers of an answer are passed on', async () => {
    const app = await rig.app((exchange) =>
      exchange.write(
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 42\r\n\r\n',
      ),
    );
    await rig.start(app);
    const { trailers } = await rig
      .client()
      .write(rawRequest('/', 'x', 'te: trailers\r\n'))
      .answer();
    expect(trailers.map((line) => line.toLowerCase())).toEqual(['x-sum: 42']);
  });

  it.each([
    ['HEAD', '200 OK', 'content-length: 12\r\n'],
    ['GET', '204 No Content', ''],
    ['GET', '304 Not Modified', 'etag: "x"\r\n'],
  ])('%s %s has no body and the connection goes on', async (method, status, fields) => {
    const app = await rig.app((exchange) => exchange.write(`HTTP/1.1 ${status}\r\n${fields}\r\n`));
    await rig.start(app);
    const client = rig.client('HEAD');
    for (let count = 0; count < 2; count++) {
      client.write(rawRequest('/', null, '', method));
      const answer = await client.next();
      expect(answer).toMatchObject({ status: Number(status.slice(0, 3)), body: '' });
    }
    expect(client.isClosed).toBe(false);
  });

  it('an answer that ends with its connection is passed on whole', async () => {
    const app = await rig.app(async (exchange) => {
      await exchange.write('HTTP/1.0 200 OK\r\n\r\nuntil the end');
      exchange.end();
    });
    await rig.start(app);
    const answer = await rig.client().write(rawRequest('/', 'x')).answer();
    expect(answer).toMatchObject({ status: 200, body: 'until the end', isWhole: true });
  });

  it('HTTP/1.0 is answered and its connection closed', async () => {
    const app = await rig.app(answerOk);
    await rig.start(app);
    const client = rig.client('GET').write('GET / HTTP/1.0\r\n\r\n');
    expect(await client.answer()).toMatchObject({ status: 200, body: 'ok' });
    expect(await client.closed()).toBe('ended');
  });

  it('requests sent ahead on a connection are answered in their order', async () => {
    const app = await rig.app(async (exchange) => {
      await pause(exchange.path === '/1' ? 100 : 0);
      await exchange.answer(exchange.path);
    });
    await rig.start(app);
    const client = rig.client('GET');
    client.write(Buffer.concat(['/1', '/2', '/3'].map((path) => rawRequest(path, null, '', 'GET'))));
    const bodies = [await client.next(), await client.next(), await client.next()].map(({ body }) => body);
    expect(bodies).toEqual(['/1', '/2', '/3']);
  });

  it('an interim answer reaches the client ahead of the final one', async () => {
    const app = await rig.app(async (exchange) => {
      await exchange.write('HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n');
      await client.until(/103/);
      await exchange.answer('ok');
    });
    await rig.start(app);
    const client = rig.client('GET');
    client.write(rawRequest('/', null, '', 'GET'));
    const { interim, status } = await client.answer();
    expect(status).toBe(200);
    expect(interim).toMatchObject([{ status: 103 }]);
    expect(interim[0]!.fields.get('link')).toBe('</a.css>; rel=preload');
  });

  it('who expects 100 gets it from the app, and then sends the body', async () => {
    const app = await rig.app(async (exchange) => {
      await exchange.write('HTTP/1.1 100 Continue\r\n\r\n');
      await answerOk(exchange);
    });
    await rig.start(app);
    const client = rig.client().write(rawRequest('/', null, 'content-length: 4\r\nexpect: 100-continue\r\n'));
    await client.until(/^HTTP\/1\.1 100 /);
    client.write('body');
    expect(await client.answer()).toMatchObject({ status: 200, body: 'ok' });
  });

  it('who expects 100 and does not wait for it is answered as well', async () => {
    const app = await rig.app(answerOk);
    await rig.start(app);
    const client = rig.client().write(rawRequest('/', 'body', 'expect: 100-continue\r\n'));
    expect(await client.answer()).toMatchObject({ status: 200, body: 'ok' });
  });

  it('an app that refuses connections is 502', async () => {
    const app = await rig.app(answerOk);
    await rig.start(app);
    await app.refuse();
    expect(await rig.client().write(rawRequest('/', 'x')).answer()).toMatchObject({ status: 502 });
  });
});

describe('what could be read in two ways is refused', () => {
  it.each([
    ['two lengths', 'content-length: 1\r\ncontent-length: 2\r\n'],
    ['a length that is no number', 'content-length: +1\r\n'],
    ['an unknown coding', 'transfer-encoding: chunked, identity\r\n'],
    ['a space before the colon', 'x-a : 1\r\n'],
  ])('%s', async (_, lines) => {
    const app = await rig.app(answerOk);
    await rig.start(app);
    const client = rig.client().write(`POST / HTTP/1.1\r\nhost: a\r\n${lines}\r\nx`);
    const { status } = await client.answer();
    expect([400, 501]).toContain(status);
    await client.closed();
    expect(app.exchanges).toEqual([]);
  });
});
