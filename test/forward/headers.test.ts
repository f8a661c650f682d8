import { describe, expect, it } from 'vitest';
import {
  answerHead,
  answerTrailers,
  type FlatHeaders,
  type ForwardFacts,
  requestHeaders,
} from '../../src/forward/headers.ts';

const facts: ForwardFacts = {
  requestId: 'the-id',
  traceparent: 'the-trace',
  isNewTrace: false,
  clientIp: '10.0.0.9',
  host: 'gateway:8080',
  proto: 'http',
  bodyBytes: null,
  dropCredentials: false,
  backendHeaders: {},
  forceIdentity: false,
};

/** Values of a field, in order. */
function valuesOf(fields: FlatHeaders, name: string): string[] {
  return fields.filter((_, index) => index % 2 === 1 && fields[index - 1]!.toLowerCase() === name);
}

const sent = (raw: readonly string[], more: Partial<ForwardFacts> = {}) =>
  requestHeaders(raw, { ...facts, ...more });

describe('the fields of a request', () => {
  it('pass as they came, repeated ones too, in their order', () => {
    const fields = sent(['X-A', '1', 'x-b', '2', 'X-a', '3', 'Cookie', 'c=1']);
    expect(fields.slice(0, 8)).toEqual(['x-a', '1', 'x-b', '2', 'x-a', '3', 'cookie', 'c=1']);
  });

  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authenticate',
    'Proxy-Authorization',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Expect',
    'Host',
    'Content-Length',
  ])('lose %s, which is of one hop or set anew', (name) => {
    expect(valuesOf(sent([name, 'value', 'x-stays', '1']), name.toLowerCase())).toEqual([]);
  });

  it('lose what Connection names, in all its lines, but not what the gateway itself says', () => {
    const raw = ['Connection', 'close, X-Secret', 'connection', ' X-Other ,x-request-id', 'X-Secret', '1'];
    const fields = sent([...raw, 'x-other', '2', 'x-stays', '3']);
    expect(valuesOf(fields, 'x-secret')).toEqual([]);
    expect(valuesOf(fields, 'x-other')).toEqual([]);
    expect(valuesOf(fields, 'x-stays')).toEqual(['3']);
    expect(valuesOf(fields, 'x-request-id')).toEqual(['the-id']);
  });

  it('get the request id and the trace of the gateway, once', () => {
    const fields = sent(['X-Request-Id', 'forged', 'Traceparent', 'forged']);
    expect(valuesOf(fields, 'x-request-id')).toEqual(['the-id']);
    expect(valuesOf(fields, 'traceparent')).toEqual(['the-trace']);
  });

  it('say who asked, with all that was said before in X-Forwarded-For', () => {
    const fields = sent([
      'X-Forwarded-For',
      '1.1.1.1, 2.2.2.2',
      'x-forwarded-for',
      '3.3.3.3',
      'X-Forwarded-Host',
      'forged',
    ]);
    expect(valuesOf(fields, 'x-forwarded-for')).toEqual(['1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.9']);
    expect(valuesOf(fields, 'x-forwarded-host')).toEqual(['gateway:8080']);
    expect(valuesOf(fields, 'x-forwarded-proto')).toEqual(['http']);
    expect(valuesOf(fields, 'forwarded')).toEqual(['for=10.0.0.9;host="gateway:8080";proto=http']);
  });

  it('write an address of IPv6 in Forwarded in brackets and quotes, and no quote of a host', () => {
    const fields = sent(['Forwarded', 'for=forged'], { clientIp: '::1', host: 'a"b\\c', proto: 'https' });
    expect(valuesOf(fields, 'forwarded')).toEqual(['for="[::1]";host="abc";proto=https']);
  });

  it('keep the credentials of the client here where the gateway has keys, and only there', () => {
    const raw = ['Authorization', 'Bearer k', 'X-Api-Key', 'k'];
    expect(valuesOf(sent(raw), 'authorization')).toEqual(['Bearer k']);
    const fields = sent(raw, { dropCredentials: true, backendHeaders: { authorization: 'Bearer own' } });
    expect(valuesOf(fields, 'authorization')).toEqual(['Bearer own']);
    expect(valuesOf(fields, 'x-api-key')).toEqual([]);
  });

  it('yield to those that the backend is given, and to no others', () => {
    const fields = sent(['X-Own', 'client', 'constructor', '1'], { backendHeaders: { 'x-own': 'gateway' } });
    expect(valuesOf(fields, 'x-own')).toEqual(['gateway']);
    expect(valuesOf(fields, 'constructor')).toEqual(['1']);
  });

  it('ask for no encoding where an answer was begun already', () => {
    expect(valuesOf(sent(['Accept-Encoding', 'br']), 'accept-encoding')).toEqual(['br']);
    expect(valuesOf(sent(['Accept-Encoding', 'br'], { forceIdentity: true }), 'accept-encoding')).toEqual([
      'identity',
    ]);
  });

  it('tell the length of the body where it is known', () => {
    expect(valuesOf(sent(['Content-Length', '5'], { bodyBytes: 7 }), 'content-length')).toEqual(['7']);
    expect(valuesOf(sent(['Content-Length', '5']), 'content-length')).toEqual([]);
  });
});

describe('the head of an answer', () => {
  it('passes its fields, repeated ones one by one, but for those of one hop and those that Connection names', () => {
    const head = answerHead(200, 'OK', {
      connection: 'keep-alive, X-Hop',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
      trailer: 'x-sum',
      'x-hop': '1',
      'x-request-id': 'of the backend',
      'set-cookie': ['a=1', 'b=2'],
      'x-stays': '1',
    });
    expect(head.fields).toEqual(['set-cookie', 'a=1', 'set-cookie', 'b=2', 'x-stays', '1']);
    expect(head.bodyBytes).toBe(null);
  });

  it('tells length, type and whether it is encoded', () => {
    const head = answerHead(201, 'Made', {
      'content-length': '12',
      'content-type': 'text/event-stream',
      'content-encoding': 'gzip',
    });
    expect(head).toMatchObject({
      status: 201,
      statusText: 'Made',
      bodyBytes: 12,
      contentType: 'text/event-stream',
      isEncoded: true,
    });
    expect(head.fields).toContain('content-length');
  });

  it.each([
    ['OK', 'OK'],
    ['Très bien', 'Très bien'],
    ['broken \ufffd', ''],
    ['\u4f60', ''],
    ['a\nb', ''],
  ])('with the reason %j has the reason %j', (reason, kept) => {
    expect(answerHead(200, reason, {}).statusText).toBe(kept);
  });
});

describe('trailers', () => {
  it('pass but for those that frame, route or describe the body', () => {
    const trailers = {
      'x-sum': '7',
      'x-two': ['1', '2'],
      'content-length': '5',
      'content-type': 'a/b',
      'transfer-encoding': 'chunked',
      connection: 'close',
      'x-request-id': 'other',
    };
    expect(answerTrailers(trailers)).toEqual({ 'x-sum': '7', 'x-two': '1, 2' });
  });
});
