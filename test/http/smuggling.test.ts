import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../support/gateway.ts';
import { any, chunked, chunks, fields, lengths, long, second, targets } from '../support/smuggling-forms.ts';
import { Fixture, staticModel } from './fixture.ts';
import { lastAnswer, type RawBackend, RawClient } from './raw.ts';

const chat = 'POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n';
const body = '{"model":"m"}';

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
