import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerOk, type RawBackend } from '../support/raw-backend.ts';
import { rawChat, rawRequest } from '../support/raw-client.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

let backend: RawBackend;
beforeEach(async () => {
  backend = await rig.backend(answerOk);
});

/** What the backend got of a request with these fields. */
async function arrived(fields: string): Promise<ReadonlyMap<string, string>> {
  const client = rig.client();
  client.write(rawChat({}, fields));
  expect((await client.answer()).body).toBe('ok');
  return backend.exchanges.at(-1)!.head.fields;
}

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = '00f067aa0ba902b7';

describe('the trace of a request', () => {
  beforeEach(() => rig.start(modelsAt([backend.url])));

  it.each([`00-${trace}-${parent}-01`, `00-${trace}-${parent}-00`, `cc-${trace}-${parent}-01`])(
    '%s is passed on',
    async (valid) => {
      expect((await arrived(`traceparent: ${valid}\r\n`)).get('traceparent')).toBe(valid);
    },
  );

  it.each([
    '',
    'nonsense',
    `00-${trace}-${parent}`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${parent}-01`,
    `ff-${trace}-${parent}-01`,
    `00-${trace}-${parent}-01\r\ntraceparent: 00-${trace}-${parent}-01`,
  ])('%j is not valid: a new one begins', async (invalid) => {
    const made = (await arrived(`traceparent: ${invalid}\r\n`)).get('traceparent')!;
    expect(made).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/);
    expect(made).not.toContain(trace);
  });

  it('is passed on with its state, which a new one does not have', async () => {
    const state = 'tracestate: vendor=1\r\n';
    expect((await arrived(`traceparent: 00-${trace}-${parent}-01\r\n${state}`)).get('tracestate')).toBe(
      'vendor=1',
    );
    expect((await arrived(`traceparent: nonsense\r\n${state}`)).has('tracestate')).toBe(false);
  });

  it('that is new has the name of the request', async () => {
    const fields = await arrived('');
    expect(fields.get('traceparent')!.slice(3, 35)).toBe(fields.get('x-request-id')!.replaceAll('-', ''));
  });
});

describe('the request id', () => {
  beforeEach(() => rig.start(modelsAt([backend.url])));

  it('of the client is kept, for the backend and for the answer', async () => {
    const client = rig.client();
    client.write(rawChat({}, 'x-request-id: my-id.1\r\n'));
    expect((await client.answer()).fields.get('x-request-id')).toBe('my-id.1');
    expect(backend.exchanges[0]!.requestId).toBe('my-id.1');
  });

  it.each(['with space', 'x'.repeat(300), '"quoted"', 'a\r\nx-request-id: b'])(
    '%j is replaced',
    async (bad) => {
      const id = (await arrived(`x-request-id: ${bad}\r\n`)).get('x-request-id')!;
      expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    },
  );
});

describe('the path of a request', () => {
  it.each(['', '/base'])(
    'goes behind the prefix %j of its replica, with its query as it came',
    async (prefix) => {
      await rig.start(modelsAt([`${backend.url}${prefix}`]));
      const client = rig.client();
      client.write(rawRequest('/any/a%2Fb?x=1&y=%20', 'x'));
      expect((await client.answer()).body).toBe('ok');
      expect(backend.exchanges[0]!.path).toBe(`${prefix}/any/a%2Fb?x=1&y=%20`);
      expect(backend.exchanges[0]!.head.fields.get('host')).toBe(new URL(backend.url).host);
    },
  );

  it.each(['OPTIONS', 'DELETE', 'PATCH', 'PUT', 'GET', 'PROPFIND'])('keeps its method %s', async (method) => {
    await rig.start(modelsAt([backend.url]));
    const client = rig.client(method);
    client.write(rawRequest('/any/x', method === 'GET' ? null : 'body', '', method));
    expect((await client.answer()).body).toBe('ok');
    expect(backend.exchanges[0]!.head.startLine).toBe(`${method} /any/x HTTP/1.1`);
    expect(backend.exchanges[0]!.body.bytes.toString()).toBe(method === 'GET' ? '' : 'body');
  });
});
