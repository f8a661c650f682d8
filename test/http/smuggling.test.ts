import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../support/gateway.ts';
import { Fixture, staticModel } from './fixture.ts';
import { lastAnswer, type RawBackend, RawClient } from './raw.ts';

const chat = 'POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n';
const any = 'POST /any/x HTTP/1.1\r\nhost: gateway\r\n';
const body = '{"model":"m"}';
const chunked = `${any}transfer-encoding: chunked\r\n\r\n`;
/** What a smuggler wants to be taken for a request of its own. */
const second = 'POST /any/smuggled HTTP/1.1\r\nhost: gateway\r\n\r\n';
const long = 'a'.repeat(20_000);

const lengths: readonly (readonly [string, string])[] = [
  [
    'content-length with transfer-encoding',
    `${any}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'transfer-encoding with content-length',
    `${any}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
  ],
  ['two different content-lengths', `${any}content-length: 5\r\ncontent-length: 0\r\n\r\nhello`],
  ['two equal content-lengths', `${any}content-length: 5\r\ncontent-length: 5\r\n\r\nhello`],
  ['a list as content-length', `${any}content-length: 5, 5\r\n\r\nhello`],
  ['a signed content-length', `${any}content-length: +5\r\n\r\nhello`],
  ['a negative content-length', `${any}content-length: -5\r\n\r\nhello`],
  ['a content-length in hex', `${any}content-length: 0x5\r\n\r\nhello`],
  ['an empty content-length', `${any}content-length:\r\n\r\n`],
  ['a content-length past 2^64', `${any}content-length: 99999999999999999999\r\n\r\nhello`],
  ['chunked, identity', `${any}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['identity, chunked', `${any}transfer-encoding: identity, chunked\r\n\r\n0\r\n\r\n`],
  ['identity', `${any}transfer-encoding: identity\r\n\r\n`],
  ['gzip, chunked', `${any}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['xchunked', `${any}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['"chunked" in quotes', `${any}transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n`],
  ['chunked after a vertical tab', `${any}transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  [
    'two transfer-encodings',
    `${any}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['an empty transfer-encoding', `${any}transfer-encoding:\r\n\r\n0\r\n\r\n`],
  ['transfer-encoding in HTTP/1.0', `POST /any/x HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
];

const chunks: readonly (readonly [string, string])[] = [
  ['a chunk size that is no number', `${chunked}zz\r\nhello\r\n0\r\n\r\n`],
  ['a chunk size with 0x', `${chunked}0x5\r\nhello\r\n0\r\n\r\n`],
  ['a negative chunk size', `${chunked}-5\r\nhello\r\n0\r\n\r\n`],
  ['a chunk size after a space', `${chunked} 5\r\nhello\r\n0\r\n\r\n`],
  ['a chunk size before a space', `${chunked}5 \r\nhello\r\n0\r\n\r\n`],
  ['a chunk size past 2^64', `${chunked}fffffffffffffffff\r\nhello\r\n0\r\n\r\n`],
  ['an empty chunk size', `${chunked}\r\nhello\r\n0\r\n\r\n`],
  ['a bare LF after a chunk size', `${chunked}5\nhello\r\n0\r\n\r\n`],
  ['a chunk longer than it says', `${chunked}5\r\nhelloworld\r\n0\r\n\r\n`],
  ['a bare LF after a chunk', `${chunked}5\r\nhello\n0\r\n\r\n`],
  ['a bare LF in a chunk extension', `${chunked}5;a\nb\r\nhello\r\n0\r\n\r\n`],
  ['a bad chunk after a good one', `${chunked}5\r\nhello\r\n5 \r\nhello\r\n0\r\n\r\n`],
  ['an absurd chunk extension', `${chunked}5;${long}\r\nhello\r\n0\r\n\r\n`],
  ['a trailer that sets content-length', `${chunked}5\r\nhello\r\n0\r\ncontent-length: 9\r\n\r\n`],
  ['a trailer with a space in its name', `${chunked}5\r\nhello\r\n0\r\nx y: 9\r\n\r\n`],
];

const fields: readonly (readonly [string, string])[] = [
  ['a space before the colon', `${any}content-length : 5\r\n\r\nhello`],
  ['a tab before the colon', `${any}content-length\t: 5\r\n\r\nhello`],
  ['a space in a field name', `${any}content length: 5\r\n\r\nhello`],
  ['a space before the first field', `POST /any/x HTTP/1.1\r\n host: gateway\r\n\r\n`],
  ['obs-fold with a space', `${any}x-a: b\r\n c\r\n\r\n`],
  ['obs-fold with a tab', `${any}x-a: b\r\n\tcontent-length: 5\r\n\r\nhello`],
  ['a field without a colon', `${any}nocolon\r\n\r\n`],
  ['a field without a name', `${any}: x\r\n\r\n`],
  ['a field name outside ASCII', `${any}x\xe9: x\r\n\r\n`],
  ['NUL in a value', `${any}x-a: a\0b\r\n\r\n`],
  ['NUL in a name', `${any}x\0a: b\r\n\r\n`],
  ['a bare CR in a value', `${any}x-a: a\rcontent-length: 5\r\n\r\nhello`],
  ['a bare LF in a value', `${any}x-a: a\ncontent-length: 5\r\n\r\nhello`],
  ['bare LF line ends', 'POST /any/x HTTP/1.1\nhost: gateway\n\n'],
  ['two Hosts', `${any}host: other\r\n\r\n`],
  ['no Host', 'POST /any/x HTTP/1.1\r\n\r\n'],
  ['a list as Host', 'POST /any/x HTTP/1.1\r\nhost: gateway, other\r\n\r\n'],
  ['a Host with a path', 'POST /any/x HTTP/1.1\r\nhost: gateway/other\r\n\r\n'],
  ['a Host with user information', 'POST /any/x HTTP/1.1\r\nhost: gateway@other\r\n\r\n'],
];

const targets: readonly (readonly [string, string])[] = [
  ['an absolute target with another host', 'POST http://other/any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['an absolute target with a user', 'POST http://gateway@other/any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['an absolute target without Host', 'POST http://gateway/any/x HTTP/1.1\r\n\r\n'],
  ['another scheme', 'POST ftp://gateway/any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['an authority as target', 'POST gateway:80 HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['CONNECT', 'CONNECT gateway:80 HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['an asterisk', 'OPTIONS * HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['a target without a slash', 'POST any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['a fragment', 'POST /any/x#/../../sleep HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['a backslash', 'POST /any/..\\sleep HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['NUL in the target', 'POST /any/\0 HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['a space in the target', 'POST /any/x y HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['HTTP/0.9', 'POST /any/x\r\n\r\n'],
  ['HTTP/2.0 as a version', 'POST /any/x HTTP/2.0\r\nhost: gateway\r\n\r\n'],
  ['HTTP/1.10', 'POST /any/x HTTP/1.10\r\nhost: gateway\r\n\r\n'],
  ['a space after the version', 'POST /any/x HTTP/1.1 \r\nhost: gateway\r\n\r\n'],
  ['an unknown method', 'SMUGGLE /any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
];

const fixture = new Fixture();
let backend: RawBackend;
let gateway: Gateway;

beforeAll(async () => {
  backend = await fixture.rawBackend();
  gateway = await fixture.gateway(staticModel(backend.url));
});
// A connection to the backend lies ready, so that nothing that is passed on is late enough to be cut in time.
beforeEach(async () => {
  const client = fixture.client(gateway.url).write('GET /any/warm HTTP/1.1\r\nhost: gateway\r\n\r\n');
  await client.until(/ok$/);
  client.destroy();
});
afterAll(() => fixture.close());

/** Sends it with a second request behind it, and tells the answers and what the backend got whole. */
async function send(text: string): Promise<{ statuses: string[]; code: string | null; passed: string[] }> {
  const before = backend.complete().length;
  const received = await fixture
    .client(gateway.url)
    .write(text + second)
    .closed();
  const statuses = [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => found[1]!);
  return { statuses, code: lastAnswer(received).code, passed: backend.complete().slice(before) };
}

describe('what two parsers could read in two ways', () => {
  it.each([...lengths, ...chunks, ...fields, ...targets])('refuses %s', async (_name, text) => {
    const { statuses, passed } = await send(text);
    expect(statuses).toEqual(['400']);
    expect(passed).toEqual([]);
  });

  it('refuses a trailer past the size of a head', async () => {
    const { statuses, passed } = await send(`${chunked}5\r\nhello\r\n0\r\nx-a: ${long}\r\n\r\n`);
    expect([statuses, passed]).toEqual([['431'], []]);
  });

  it('cuts the connection to the backend where a body breaks off that was being passed on', async () => {
    // One that keeps its own side open: the backend is not left waiting for it.
    const { hostname, port } = new URL(gateway.url);
    const client = new RawClient(connect({ host: hostname, port: Number(port), allowHalfOpen: true }));
    client.write(`${chunked}5\r\nbegun\r\n`);
    const begun = () => backend.received().find((text) => text.includes('begun'));
    await expect.poll(begun).toMatch(/transfer-encoding: chunked/);
    client.write(`zz\r\n${second}`);
    expect(lastAnswer(await client.until(/bad_request/)).status).toBe(400);
    await expect.poll(() => backend.cut()).toBe(1);
    expect(begun()).not.toMatch(/\r\n0\r\n|smuggled/);
    client.destroy();
  });

  it('tells the fault in our shape, with an id', async () => {
    const text = await fixture.client(gateway.url).write(`${any}x y: z\r\n\r\n`).closed();
    const { status, code, fields: head } = lastAnswer(text);
    expect([status, code]).toEqual([400, 'bad_request']);
    expect(head).toMatch(/x-request-id: [\w-]{36}/);
    expect(head).toMatch(/connection: close/);
  });
});

describe('what has one meaning', () => {
  it('passes a chunked body on once, without extensions and trailers', async () => {
    const text = `${chunked}5;ext=1\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n`;
    const before = backend.complete().length;
    const client = fixture.client(gateway.url).write(text);
    await client.until(/ok$/);
    const passed = backend.complete().slice(before).join('');
    expect(passed).toContain('hello');
    expect(passed).not.toMatch(/ext=1|x-trailer/);
    client.destroy();
  });

  it('passes an absolute target of its own host on as a path', async () => {
    const client = fixture.client(gateway.url);
    client.write('POST http://Gateway/any/x?q=1 HTTP/1.1\r\nhost: gateway\r\n\r\n');
    await client.until(/ok$/);
    expect(backend.complete().at(-1)).toMatch(/^POST \/any\/x\?q=1 HTTP\/1\.1\r\n/);
    client.destroy();
  });

  it('sends one content-length, whatever the client calls hop-by-hop', async () => {
    const client = fixture.client(gateway.url);
    client.write(`${chat}connection: content-length, host\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await client.until(/ok$/);
    const passed = backend.complete().at(-1)!;
    expect(passed.match(/content-length: 13/g)).toHaveLength(1);
    expect(passed.match(/\r\nhost: /g)).toHaveLength(1);
    client.destroy();
  });
});
