import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  JsonArraySplitter,
  LineSplitter,
  type Splitter,
  type TraceRecord,
} from '../../src/simulate/text-source.ts';

function split(splitter: Splitter, pieces: readonly string[]): TraceRecord[] {
  return [...pieces.flatMap((piece) => [...splitter.push(piece)]), ...splitter.end()];
}

/** Text cut at these places. */
function cut(text: string, places: readonly number[]): string[] {
  const sorted = [...places.map((place) => place % (text.length + 1)), text.length].sort((a, b) => a - b);
  return sorted.map((place, i) => text.slice(sorted[i - 1] ?? 0, place));
}

const cuts = fc.array(fc.nat(5_000), { maxLength: 30 });
const character = fc.constantFrom('a', 'é', '😀', '"', '\\', '{', '}', '[', ',', '\n', '\r', ' ');
const word = fc.string({ unit: character, maxLength: 8 });

describe('a text in pieces', () => {
  it('has the same lines wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(word), cuts, (words, places) => {
        const text = words.join('\n');
        const expected = text
          .split('\n')
          .map((line, index) => ({ text: line.replace(/\r$/, ''), line: index + 1 }))
          .filter((record) => record.text !== '');
        expect(split(new LineSplitter({ isCsv: false }), cut(text, places))).toEqual(expected);
      }),
    );
  });

  it('has the same CSV records wherever it is cut, with any text in their fields', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word), { minLength: 1 }), cuts, (rows, places) => {
        const records = rows.map((fields) =>
          fields.map((field) => `"${field.replaceAll('\r', '').replaceAll('"', '""')}"`).join(','),
        );
        const found = split(new LineSplitter({ isCsv: true }), cut(records.join('\r\n'), places));
        expect(found.map(({ text }) => text)).toEqual(records);
        let line = 1;
        for (const [index, record] of records.entries()) {
          expect(found[index]!.line).toBe(line);
          line += record.split('\n').length;
        }
      }),
    );
  });

  it('has the same objects of a JSON array wherever it is cut, with any text in them', () => {
    const object = fc.dictionary(word, fc.oneof(word, fc.nat(), fc.array(fc.dictionary(word, word))));
    fc.assert(
      fc.property(fc.array(object), fc.constantFrom(0, 2), cuts, (objects, indent, places) => {
        const text = JSON.stringify(objects, null, indent);
        const found = split(new JsonArraySplitter(), cut(text, places));
        expect(found.map((record) => JSON.parse(record.text) as unknown)).toEqual(
          JSON.parse(JSON.stringify(objects)),
        );
      }),
    );
  });

  it('that is a JSON array which is broken off ends with what is left of it', () => {
    const found = split(new JsonArraySplitter(), ['[{"a": 1},\n {"b": {"c"', ': 2']);
    expect(found).toEqual([
      { text: '{"a": 1}', line: 1 },
      { text: '{"b": {"c": 2', line: 2 },
    ]);
  });
});
