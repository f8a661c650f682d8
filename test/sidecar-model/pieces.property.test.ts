import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventCount } from '../../src/sidecar/model/event-count.ts';
import { StreamWish } from '../../src/sidecar/model/stream-wish.ts';
import { headOf, heldBody, unreadBody } from './fake-request.ts';

/** Where a text is cut into pieces. */
const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 });

function piecesOf(bytes: Buffer, at: readonly number[]): Buffer[] {
  const edges = [0, ...at.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

const body = fc
  .record(
    {
      stream: fc.oneof(fc.boolean(), fc.constant('true'), fc.constant(null)),
      messages: fc.array(fc.record({ role: fc.string(), content: fc.string({ unit: 'binary' }) })),
      options: fc.record({ stream: fc.boolean() }),
      model: fc.string(),
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value));

const framed = (pieces: readonly Buffer[]) =>
  Buffer.concat([
    ...pieces
      .filter(({ length }) => length > 0)
      .flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
    Buffer.from('0\r\n\r\n'),
  ]);

describe('whether a stream is asked for', () => {
  it('is what JSON.parse says, in chunks and without, over HTTP/2, and however it is cut', () => {
    fc.assert(
      fc.property(body, cuts, cuts, (text, chunkCuts, cutsOfAll) => {
        const isAsked = (JSON.parse(text) as { stream?: unknown }).stream === true;
        const bytes = Buffer.from(text);
        const whole = heldBody(headOf(), ...piecesOf(bytes, cutsOfAll));
        const chunks = framed(piecesOf(bytes, chunkCuts));
        const chunked = heldBody(headOf({ bodyBytes: null }), ...piecesOf(chunks, cutsOfAll));
        const unread = unreadBody(headOf({ version: '2', bodyBytes: null }));
        const overHttp2 = new StreamWish(unread);
        for (const piece of piecesOf(bytes, cutsOfAll)) unread.readers[0]!.onChunk(piece);
        expect([whole, chunked].map((request) => new StreamWish(request).isThere)).toEqual([
          isAsked,
          isAsked,
        ]);
        expect(overHttp2.isThere).toBe(isAsked);
        expect(Buffer.concat(overHttp2.prefix)).toEqual(bytes);
      }),
    );
  });

  it('is never taken from a part that does not say so yet', () => {
    fc.assert(
      fc.property(body, fc.nat({ max: 400 }), (text, length) => {
        const isAsked = (JSON.parse(text) as { stream?: unknown }).stream === true;
        const wish = new StreamWish(heldBody(headOf(), Buffer.from(text).subarray(0, length)));
        if (!isAsked) expect(wish.isThere).toBe(false);
      }),
    );
  });
});

describe('the count of events', () => {
  const line = fc.constantFrom(
    'data: a',
    'data:',
    'data: [DONE]',
    ': data: no',
    'event: x',
    'id: data:',
    '',
    'dat',
  );

  it('is that of the lines with data, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), cuts, (lines, end, at) => {
        const count = new EventCount();
        const text = Buffer.from(lines.map((one) => one + end).join(''));
        for (const piece of piecesOf(text, at)) count.push(piece.toString('latin1'));
        const withData = lines.filter((one) => one.startsWith('data:') && !one.startsWith('data: [DONE]'));
        expect(count.count).toBe(withData.length);
      }),
    );
  });
});
