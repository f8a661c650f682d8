import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataSplitter, pieceKindOf } from '../../src/protocols/data-splitter.ts';

function split(contentType: string, chunks: readonly Buffer[]): string[] {
  const splitter = new DataSplitter(contentType);
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
}

/** The bytes, cut at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe('a stream of events', () => {
  const events = 'text/event-stream; charset=utf-8';

  it('gives the data of each event, joined over its lines, and drops comments, names and ids', () => {
    const text = ': hello\n\nevent: output\nid: 7\ndata: one\ndata: two\n\ndata:three\r\n\r\ndata\n\n';
    expect(split(events, [Buffer.from(text)])).toEqual(['one\ntwo', 'three', '']);
  });

  it('gives an event as soon as its empty line is there', () => {
    const splitter = new DataSplitter(events);
    expect(splitter.push(Buffer.from('data: a\n'))).toEqual([]);
    expect(splitter.push(Buffer.from('\ndata: b'))).toEqual(['a']);
    expect(splitter.end()).toEqual(['b']);
  });

  it('gives the same however its bytes are cut, with each kind of line end', () => {
    const line = fc.stringMatching(/^[a-zé€😀 ]{0,8}$/u);
    const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
    fc.assert(
      fc.property(
        fc.array(fc.array(line, { minLength: 1 })),
        lineEnd,
        fc.array(fc.nat()),
        (all, end, places) => {
          const text = all.map((lines) => lines.map((data) => `data: ${data}${end}`).join('') + end).join('');
          expect(split(events, cut(Buffer.from(text), places))).toEqual(all.map((lines) => lines.join('\n')));
        },
      ),
    );
  });

  it('refuses an event without an end', () => {
    const splitter = new DataSplitter(events);
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    expect(() => {
      for (let count = 0; count < 17; count += 1) splitter.push(chunk);
    }).toThrow('longer than 16777216 characters');
  });
});

describe('other streams', () => {
  it('fall into the lines of JSON, without the empty ones', () => {
    const chunks = ['{"a":1}\n\n{"b"', ':2}\n{"c":3}'].map((text) => Buffer.from(text));
    expect(split('application/x-ndjson', chunks)).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
  });

  it('are text as it comes, no character being cut in two', () => {
    const bytes = Buffer.from('a€b');
    expect(split('text/plain', [bytes.subarray(0, 2), bytes.subarray(2)])).toEqual(['a', '€b']);
  });

  it('have no pieces where they are not text', () => {
    expect(split('audio/wav', [Buffer.from('RIFF')])).toEqual([]);
  });

  it('are told apart by their content-type', () => {
    const types = [
      'Text/Event-Stream',
      'application/jsonlines',
      'text/csv; header=present',
      'application/json',
      '',
    ];
    expect(types.map(pieceKindOf)).toEqual(['events', 'lines', 'text', 'none', 'none']);
  });
});
