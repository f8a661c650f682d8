import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TokenUsage, usageOfEvents, usageOfJson } from '../../src/protocols/usage.ts';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const count = (value: unknown) => (Number.isSafeInteger(value) ? Math.max(0, value as number) : 0);

/** What the usage of a parsed document tells, by a full parse. */
function usageOf(document: unknown, carriers: readonly string[]): TokenUsage | null {
  if (!isObject(document)) return null;
  const inner = carriers
    .map((name) => document[name])
    .map((object) => (isObject(object) ? object.usage : null));
  const usage = [document.usage, ...inner].find(isObject);
  if (usage === undefined) return null;
  const [promptTokens, completionTokens] = [count(usage.prompt_tokens), count(usage.completion_tokens)];
  return promptTokens + completionTokens === 0 ? null : { promptTokens, completionTokens, cachedTokens: 0 };
}

/** Keys and texts made of what could be taken for something else. */
const piece = fc.constantFrom(
  ...['usage', '"', '\\', ':', '{', '}', '[', ']', ',', '\n', 'data:', 'prompt_tokens', '5', ' ', 'é', 'x'],
);
const text = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
  fc.string(),
);
const key = fc.oneof(fc.constantFrom('usage', 'response', 'message', 'choices', 'prompt_tokens'), text);
const usage = fc.record(
  { prompt_tokens: fc.oneof(fc.nat(), text), completion_tokens: fc.oneof(fc.nat(), fc.constant(null)) },
  { requiredKeys: [] },
);
const { document } = fc.letrec((tie) => ({
  document: fc.dictionary(key, tie('value'), { maxKeys: 5 }),
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.double({ noNaN: true })),
    usage,
    fc.array(tie('value'), { maxLength: 4 }),
    tie('document'),
  ),
}));

/** How a document may be written: indented, with ASCII only, with a key twice. */
const writing = fc.record({
  indent: fc.constantFrom(undefined, 1, '\t'),
  isAscii: fc.boolean(),
  twice: fc.option(usage),
});

function written(
  value: unknown,
  { indent, isAscii, twice }: { indent?: string | number | undefined; isAscii: boolean; twice: unknown },
): string {
  let json = JSON.stringify(value, null, indent);
  if (twice !== null && json.length > 2) json = `{"usage":${JSON.stringify(twice)},${json.slice(1)}`;
  if (isAscii)
    json = json.replace(
      /[\u0080-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  return Buffer.from(json).toString('latin1');
}

describe('usage, held against JSON.parse', () => {
  it('is the same of a whole JSON answer', () => {
    fc.assert(
      fc.property(document, writing, (value, how) => {
        const json = written(value, how);
        expect(usageOfJson(json)).toEqual(usageOf(JSON.parse(json), []));
      }),
      { numRuns: 2000 },
    );
  });

  it('is the same or not found when the beginning is cut off anywhere', () => {
    fc.assert(
      fc.property(document, writing, fc.nat(), (value, how, cut) => {
        const json = written(value, how);
        const found = usageOfJson(json.slice(cut % json.length));
        if (found !== null) expect(found).toEqual(usageOf(JSON.parse(json), []));
      }),
      { numRuns: 5000 },
    );
  });

  it('is the same or not found when the end is cut off, as no document ends there', () => {
    fc.assert(
      fc.property(document, fc.nat(), (value, cut) => {
        const json = written({ value }, { indent: undefined, isAscii: false, twice: null });
        const data = json.slice(0, cut % json.length);
        expect(usageOfEvents(`data: ${data}\n\n`)).toBeNull();
      }),
      { numRuns: 2000 },
    );
  });

  it('is the same of an event, and of the end of a stream the same or not found', () => {
    fc.assert(
      fc.property(fc.array(document, { minLength: 1, maxLength: 6 }), fc.nat(), (values, cut) => {
        const lines = values.map(
          (value) => `data: ${written(value, { indent: undefined, isAscii: false, twice: null })}\n\n`,
        );
        const all = values.map((value) =>
          usageOf(JSON.parse(JSON.stringify(value)), ['response', 'message']),
        );
        expect(usageOfEvents(lines[0]!)).toEqual(all[0]);
        const last = all.findLast((each) => each !== null) ?? null;
        const whole = usageOfEvents(lines.join(''));
        expect(whole?.completionTokens).toBe(last?.completionTokens);
        if (last !== null && last.promptTokens > 0) expect(whole).toEqual(last);
        const stream = lines.join('');
        const found = usageOfEvents(stream.slice(cut % stream.length));
        if (found !== null)
          expect(all.map((each) => each?.completionTokens)).toContain(found.completionTokens);
      }),
      { numRuns: 2000 },
    );
  });
});
