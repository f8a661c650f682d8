import { afterEach, describe, expect, it } from 'vitest';
import { answerOk, type RawBackend } from '../support/raw-backend.ts';
import { type RawAnswer, rawChat, rawRequest } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

/** A gateway before a backend that answers each request, once it is whole, with these bytes. */
async function start(...parts: readonly (string | Buffer)[]): Promise<RawBackend> {
  const backend = await rig.backend(async (exchange) => {
    await exchange.whole();
    for (const part of parts) await exchange.write(part);
  });
  await rig.start(modelsAt([backend.url], 'concurrency: 1'));
  return backend;
}

async function ask(request: Buffer = rawChat(), method = 'POST'): Promise<RawAnswer> {
  const client = rig.client(method);
  client.write(request);
  return client.answer();
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('interim answers of a backend', () => {
  it('102 and 103 are passed on, with their links, ahead of the answer', async () => {
    await start(
      'HTTP/1.1 102 Processing\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nx-own: 1\r\n\r\n',
      ok,
    );
    const answer = await ask();
    expect(answer.interim.map(({ status }) => status)).toEqual([102, 103]);
    expect(answer.interim[1]!.fields.get('link')).toBe('</a.css>; rel=preload');
    expect([answer.status, answer.body]).toEqual([200, 'ok']);
  });

  it('with a link that is none is dropped, and the answer is not', async () => {
    await start('HTTP/1.1 103 Early Hints\r\nlink: nonsense\r\n\r\n', ok);
    const answer = await ask();
    expect([answer.interim.length, answer.body]).toEqual([0, 'ok']);
  });

  it('many of them neither hide the answer nor are its fields mixed with theirs', async () => {
    await start('HTTP/1.1 102 Processing\r\nx-interim: 1\r\n\r\n'.repeat(200), ok);
    const answer = await ask();
    expect([answer.body, answer.interim.length, answer.fields.has('x-interim')]).toEqual(['ok', 200, false]);
  });

  it('go before a stream that then passes as ever', async () => {
    await start(
      'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
      chunk('one '),
      chunk('two'),
      '0\r\n\r\n',
    );
    expect((await ask()).body).toBe('one two');
  });

  it('are kept from a client of HTTP/1.0', async () => {
    await start('HTTP/1.1 102 Processing\r\n\r\n', ok);
    const client = rig.client();
    client.write('POST /any/x HTTP/1.0\r\nhost: gateway\r\ncontent-length: 1\r\n\r\nx');
    const answer = await client.answer();
    expect([answer.status, answer.interim.length, answer.body]).toEqual([200, 0, 'ok']);
  });

  it('100 unasked is a bad response, told as such', async () => {
    await start('HTTP/1.1 100 Continue\r\n\r\n', ok);
    const answer = await ask();
    expect([answer.status, answer.code]).toEqual([502, 'backend_bad_response']);
  });
});

describe('trailers of a backend', () => {
  it('are passed on, but for those that frame or route', async () => {
    await start(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum, content-type\r\n\r\n',
      chunk('body'),
      '0\r\nx-sum: 7\r\ncontent-type: a/b\r\nkeep-alive: timeout=1\r\nx-request-id: other\r\n\r\n',
    );
    const answer = await ask();
    expect([answer.body, answer.trailers.map((line) => line.toLowerCase())]).toEqual(['body', ['x-sum: 7']]);
  });
});

describe('an unusual answer of a backend', () => {
  it('shorter in its content-length than in its bytes is passed as announced, and the rest goes to nobody', async () => {
    const backend = await start(
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
      'HTTP/1.1 200 OK\r\n\r\nsmuggled',
    );
    const client = rig.client();
    client.write(rawChat());
    expect((await client.next()).body).toBe('ok');
    backend.script = answerOk;
    await backend.exchanges[0]!.closed();
    client.write(rawChat());
    const next = await client.next();
    expect(next.body).toBe('ok');
    expect(client.text).toBe('');
    expect(Math.max(...backend.countById().values())).toBe(1);
  });

  it('without framing ends with its connection, and is passed on whole', async () => {
    const backend = await rig.backend(async (exchange) => {
      await exchange.whole();
      await exchange.write('HTTP/1.1 200 OK\r\n\r\nto the ');
      await exchange.write('end');
      exchange.end();
    });
    await rig.start(modelsAt([backend.url]));
    const answer = await ask();
    expect([answer.body, answer.isWhole]).toEqual(['to the end', true]);
  });

  it('without framing that is reset is cut off at the client, too', async () => {
    const backend = await rig.backend(async (exchange) => {
      await exchange.whole();
      await exchange.write('HTTP/1.1 200 OK\r\n\r\nto the ');
      await client.until(/to the/);
      exchange.reset();
    });
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(rawChat());
    await client.closed();
    expect((await client.answer()).isWhole).toBe(false);
  });

  it.each([
    ['204 No Content', '', 204],
    ['304 Not Modified', 'etag: "1"\r\ncontent-length: 500\r\n', 304],
  ])('%s has no body', async (statusLine, fields, status) => {
    await start(`HTTP/1.1 ${statusLine}\r\n${fields}\r\n`);
    const answer = await ask();
    expect([answer.status, answer.body, answer.isWhole]).toEqual([status, '', true]);
  });

  it('to HEAD has a length and no body, and the connection goes on', async () => {
    await start('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n');
    const client = rig.client('HEAD');
    for (let round = 0; round < 2; round++) {
      client.write(rawRequest('/any/x', null, '', 'HEAD'));
      const answer = await client.next();
      expect([answer.status, answer.fields.get('content-length'), answer.body]).toEqual([200, '500', '']);
    }
  });

  it('with a reason beyond ASCII loses it, and with such a field keeps it', async () => {
    await start(
      Buffer.from('HTTP/1.1 200 Très bien\r\nx-name: Zoë\r\ncontent-length: 2\r\n\r\nok', 'latin1'),
    );
    const answer = await ask();
    expect([answer.status, answer.reason, answer.fields.get('x-name'), answer.body]).toEqual([
      200,
      '',
      'Zoë',
      'ok',
    ]);
  });

  it('with a trailer beyond ASCII ends as it should', async () => {
    await start(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
      chunk('body'),
      Buffer.from('0\r\nx-name: Zoë\r\n\r\n', 'latin1'),
    );
    const answer = await ask();
    expect([answer.body, answer.isWhole]).toEqual(['body', true]);
  });

  it('with an empty body in chunks is empty', async () => {
    await start('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n');
    const answer = await ask();
    expect([answer.body, answer.isWhole]).toEqual(['', true]);
  });

  it('with extensions on its chunks is passed on', async () => {
    await start('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', '3;a=b\r\none\r\n', '0;c\r\n\r\n');
    expect((await ask()).body).toBe('one');
  });

  it('in chunks reaches a client of HTTP/1.0 without them, ended by the close', async () => {
    await start(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
      chunk('one '),
      chunk('two'),
      '0\r\n\r\n',
    );
    const client = rig.client();
    client.write('POST /any/x HTTP/1.0\r\nhost: gateway\r\ncontent-length: 1\r\n\r\nx');
    await client.closed();
    const answer = await client.answer();
    expect([answer.body, answer.fields.has('transfer-encoding')]).toEqual(['one two', false]);
  });

  it('that breaks off before a client of HTTP/1.0 resets its connection, since a close would look like an end', async () => {
    const backend = await rig.backend(async (exchange) => {
      await exchange.whole();
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      await exchange.write(chunk('one '));
      await client.until(/one/);
      exchange.reset();
    });
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write('POST /any/x HTTP/1.0\r\nhost: gateway\r\ncontent-length: 1\r\n\r\nx');
    expect(await client.closed()).toBe('reset');
  });
});
