import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { chatRequest, Fixture, staticModel } from './fixture.ts';

const fixture = new Fixture();
let gateway: Gateway;

beforeAll(async () => {
  const backend = await fixture.backend(answerJson);
  gateway = await fixture.gateway(staticModel(backend.url), { server: { maxBodyBytes: 1_000 } });
});
afterAll(() => fixture.close());

const get = (target: string, fields = '') =>
  `GET ${target} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n${fields}\r\n`;
const handshake =
  'upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n';

const answers: readonly (readonly [string, string, number])[] = [
  ['the list of models', get('/v1/models'), 200],
  ['one model', get('/v1/models/m'), 200],
  ['a model that is not there', get('/v1/models/other'), 404],
  ['an unknown path', get('/nowhere'), 404],
  ['a wrong method', get('/v1/chat/completions'), 405],
  ['a path of WebSockets', get('/v1/realtime?model=m'), 426],
  ['a WebSocket without a model', get('/v1/realtime', handshake), 400],
  ['a path that cannot be decoded', get('/v1/models/%zz'), 400],
  ['a body that is no JSON', chatRequest('connection: close\r\n', 'no JSON'), 400],
  ['a body without a model', chatRequest('connection: close\r\n', '{}'), 400],
  ['a body over the limit', chatRequest('connection: close\r\n', ' '.repeat(1_001)), 413],
  ['a compressed body', chatRequest('connection: close\r\ncontent-encoding: gzip\r\n'), 415],
  ['another expectation', get('/v1/models', 'expect: 200-ok\r\n'), 417],
  ['two hosts', get('/v1/models', 'host: other\r\n'), 400],
  ['a message that is no HTTP', 'no HTTP\r\n\r\n', 400],
  ['a head that is too large', get('/v1/models', `x: ${'x'.repeat(100_000)}\r\n`), 431],
  ['CONNECT', 'CONNECT elsewhere:443 HTTP/1.1\r\nhost: elsewhere:443\r\n\r\n', 400],
];

describe('an answer of the gateway itself', () => {
  it.each(answers)('has an id and says where the time went: %s', async (_name, request, status) => {
    const text = await fixture.client(gateway.url).write(request).closed();
    const [head = '', body = ''] = text.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toMatch(/\r\nx-request-id: [\w-]{36}(\r\n|$)/i);
    const timing = String.raw`queue;dur=[\d.]+, cold;dur=[\d.]+, backend;dur=[\d.]+, proxy;dur=[\d.]+`;
    expect(head.match(new RegExp(`^server-timing: ${timing}$`, 'gim'))).toHaveLength(1);
    expect(head).toMatch(/\r\ncontent-type: application\/json/i);
    if (status !== 200) {
      const fields = { message: expect.any(String), type: 'invalid_request_error', code: expect.any(String) };
      expect(JSON.parse(body).error).toEqual({ ...fields, param: expect.toBeOneOf([null, 'model']) });
    }
  });
});
