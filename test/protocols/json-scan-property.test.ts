import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PilotlightError } from '../../src/core/errors.ts';
import type { Intent } from '../../src/core/protocol.ts';
import { JsonScanner } from '../../src/protocols/json-scan.ts';

/** A string as JSON, with some of its characters needlessly written as \uXXXX. */
const escapedString = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(text, fc.infiniteStream(fc.boolean())).map(([value, flips]) => {
    const units = [...value].map((character) => {
      const isEscaped = flips.next().value && character.length === 1;
      if (isEscaped) return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
      return JSON.stringify(character).slice(1, -1);
    });
    return `"${units.join('')}"`;
  });

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const key = fc.oneof(
  fc.constantFrom('model', 'model', 'stream', 'messages', 'prompt', 'input', 'models', 'Model', ''),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const name = fc.oneof(
  fc.constantFrom('llama', '', 'a"b', 'a\\', '\\"', 'é😀'),
  fc.string({ unit: 'binary', maxLength: 60 }),
);
/** Plain stretches longer than what is looked at byte by byte, with quotes and back-slashes between them. */
const longString = fc
  .array(
    fc.tuple(fc.constantFrom(0, 30, 31, 32, 33, 34, 90), fc.constantFrom('\\"', '\\\\', '\\\\\\"', '\\n')),
    {
      maxLength: 4,
    },
  )
  .map((stretches) => `"${stretches.map(([count, tail]) => 'A'.repeat(count) + tail).join('')}"`);

const value = fc.oneof(
  escapedString(name),
  fc.constantFrom('true', 'false', 'null', '0', '-1.5e+3', '""', '{}', '[]'),
  fc.jsonValue({ maxDepth: 4 }).map((nested) => JSON.stringify(nested)),
  longString,
  fc.constantFrom('[{"model":"inner"},"]}"]', '{"stream":true,"a":["\\\\","\\""]}', `"${'A'.repeat(300)}"`),
);

const documentText = fc
  .tuple(
    fc.array(fc.tuple(escapedString(key), value), { maxLength: 8 }),
    fc.array(space, { minLength: 34, maxLength: 34 }),
  )
  .map(([fields, spaces]) => {
    const gap = () => spaces.pop() ?? '';
    const parts = fields.map(([k, v]) => `${gap()}${k}${gap()}:${gap()}${v}${gap()}`);
    return `${gap()}{${parts.join(',')}}${gap()}`;
  });

interface Mutation {
  readonly at: number;
  readonly kind: 'replace' | 'insert' | 'delete' | 'cut';
  readonly byte: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(400),
  kind: fc.constantFrom('replace', 'insert', 'delete', 'cut'),
  byte: fc.oneof(fc.constantFrom(...Buffer.from('"\\{}[]:,tn0 \n\u00e9')), fc.integer({ min: 0, max: 255 })),
});

function mutate(body: Buffer, { at, kind, byte }: Mutation): Buffer {
  const index = body.length === 0 ? 0 : at % body.length;
  const before = body.subarray(0, index);
  if (kind === 'cut') return before;
  if (kind === 'insert') return Buffer.concat([before, Buffer.of(byte), body.subarray(index)]);
  const after = body.subarray(index + 1);
  return kind === 'delete' ? Buffer.concat([before, after]) : Buffer.concat([before, Buffer.of(byte), after]);
}

const body = fc
  .tuple(documentText, fc.array(mutation, { maxLength: 2 }))
  .map(([text, mutations]) => mutations.reduce(mutate, Buffer.from(text)));

/** The intent, or the code of the error. */
function scan(chunks: readonly Buffer[]): Intent | string {
  try {
    const scanner = new JsonScanner();
    for (const chunk of chunks) scanner.push(chunk);
    return scanner.end();
  } catch (error) {
    if (error instanceof PilotlightError) return error.code;
    throw error;
  }
}

/** The top-level object as a full parse gives it, or null. */
function parse(bytes: Buffer): Record<string, unknown> | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const parsed: unknown = JSON.parse(text);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function split(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)];
}

/** What of two results must be the same. */
function expectAgreement(bytes: Buffer): void {
  const parsed = parse(bytes);
  const scanned = scan([bytes]);
  // The scan may accept more: it leaves numbers, literals and the punctuation of nested values to the backend.
  if (parsed === null) return;
  if (typeof parsed.model !== 'string' || parsed.model === '') {
    expect(scanned).toBe('model_required');
    return;
  }
  const span = (scanned as Intent).modelSpan;
  expect(scanned).toMatchObject({ model: parsed.model, isStream: parsed.stream === true });
  expect(JSON.parse(bytes.toString('utf8', span?.start, span?.end))).toBe(parsed.model);
  const prompt = (scanned as Intent).promptSpan;
  const expected = ['messages', 'prompt', 'input'].find((field) => Object.hasOwn(parsed, field));
  if (expected === undefined) expect(prompt).toBeNull();
  else expect(JSON.parse(bytes.toString('utf8', prompt?.start, prompt?.end))).toEqual(parsed[expected]);
}

describe('JsonScanner against JSON.parse', () => {
  it('finds in generated documents what a full parse finds', () => {
    fc.assert(
      fc.property(documentText, (text) => {
        const bytes = Buffer.from(text);
        fc.pre(parse(bytes) !== null);
        expectAgreement(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('finds in mutated documents what a full parse finds wherever that accepts them', () => {
    fc.assert(fc.property(body, expectAgreement), { numRuns: 1500 });
  });

  it('refuses every document that is cut short', () => {
    fc.assert(
      fc.property(documentText, fc.nat(), (text, at) => {
        const bytes = Buffer.from(text.trim());
        expect(scan([bytes.subarray(0, at % bytes.length)])).toBe('invalid_body');
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same result whatever the chunks', () => {
    fc.assert(
      fc.property(body, fc.array(fc.nat(12), { maxLength: 60 }), (bytes, sizes) => {
        expect(scan(split(bytes, sizes))).toEqual(scan([bytes]));
      }),
      { numRuns: 1500 },
    );
  });
});
