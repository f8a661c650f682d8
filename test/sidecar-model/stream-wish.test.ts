import { describe, expect, it } from 'vitest';
import { StreamWish } from '../../src/sidecar/model/stream-wish.ts';
import { headOf, heldBody, unreadBody } from './fake-request.ts';

const asking = '{"messages":[{"role":"user","content":"stream: \\"true\\""}],"stream":true}';

function wishOf(body: string, parts: Parameters<typeof headOf>[0] = {}): boolean {
  return new StreamWish(heldBody(headOf(parts), body)).isThere;
}

describe('who waits asks for a stream', () => {
  it('by stream: true at the top level of its JSON', () => {
    expect(wishOf(asking)).toBe(true);
    expect(wishOf('{"stream" : true , "model": "m"}')).toBe(true);
    expect(wishOf('{"str\\u0065am":true}')).toBe(true);
  });

  it.each([
    '{"messages":[]}',
    '{"stream":false}',
    '{"stream":"true"}',
    '{"stream":true,"stream":false}',
    '{"options":{"stream":true}}',
    '{"messages":[{"content":"\\"stream\\":true"}]}',
    '[{"stream":true}]',
    'stream=true',
    '',
  ])('not by %s', (body) => {
    expect(wishOf(body)).toBe(false);
  });

  it('by accept, whatever its body is', () => {
    const head = headOf({ method: 'GET', bodyBytes: 0 }, ['accept', 'text/event-stream, */*']);
    expect(new StreamWish(heldBody(head)).isThere).toBe(true);
  });

  it('not by a body of another kind', () => {
    const head = headOf({ fields: ['content-type', 'text/plain'] });
    expect(new StreamWish(heldBody(head, asking)).isThere).toBe(false);
  });

  it('as soon as so much of its body has come', () => {
    const request = heldBody(headOf(), '{"stream":tr');
    const wish = new StreamWish(request);
    expect(wish.isThere).toBe(false);
    request.come('ue,"messages":[{"content":"and so on');
    expect(wish.isThere).toBe(true);
  });

  it('in chunks, whose framing is no part of the body', () => {
    const framed = `1a;x=y\r\n${asking.slice(0, 26)}\r\n${(asking.length - 26).toString(16)}\r\n${asking.slice(26)}\r\n0\r\n\r\n`;
    expect(wishOf(framed, { bodyBytes: null })).toBe(true);
    expect(wishOf(framed.replace('"stream":true', '"stream":null'), { bodyBytes: null })).toBe(false);
    expect(wishOf(framed.slice(0, 30), { bodyBytes: null })).toBe(false);
  });
});

describe('a body that the lane does not hold', () => {
  it('is read as it comes, and goes on before the rest', () => {
    const request = unreadBody(headOf({ version: '2', bodyBytes: null }));
    const wish = new StreamWish(request);
    const pieces = [Buffer.from(asking.slice(0, 20)), Buffer.from(asking.slice(20))];
    request.readers[0]!.onChunk(pieces[0]!);
    expect(wish.isThere).toBe(false);
    request.readers[0]!.onChunk(pieces[1]!);
    request.readers[0]!.onEnd();
    expect(wish.isThere).toBe(true);
    expect(wish.prefix).toEqual(pieces);
  });

  it('is read up to 64 KiB', () => {
    const request = unreadBody(headOf({ version: '2', bodyBytes: null }));
    const wish = new StreamWish(request);
    for (let i = 0; i < 4; i++) request.readers[0]!.onChunk(Buffer.alloc(16_384, 0x20));
    expect(request.readers).toEqual([]);
    expect(wish.prefix).toHaveLength(4);
  });

  it('is not read where it cannot ask', () => {
    const form = unreadBody(headOf({ version: '2', fields: ['content-type', 'application/grpc'] }));
    const none = unreadBody(headOf({ version: '2', bodyBytes: 0 }));
    expect([new StreamWish(form).prefix, new StreamWish(none).prefix]).toEqual([[], []]);
    expect([form.readers, none.readers]).toEqual([[], []]);
  });
});
