import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textLines } from '../../src/protocols/text-lines.ts';

async function linesOf(pieces: readonly string[], maxBytes = 100): Promise<(string | null)[]> {
  const source = (async function* () {
    for (const piece of pieces) yield Buffer.from(piece);
  })();
  const lines: (string | null)[] = [];
  for await (const { number, bytes } of textLines(source, maxBytes)) {
    lines.push(bytes?.toString() ?? null);
    expect(number).toBe(lines.length);
  }
  return lines;
}

describe('the lines of a text', () => {
  it('are those of the whole text however it is cut', async () => {
    const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', '\n', 'ä', '\r') }));
    await fc.assert(
      fc.asyncProperty(pieces, async (texts) => {
        const whole = texts.join('').split('\n');
        if (whole.at(-1) === '') whole.pop();
        expect(await linesOf(texts, 1_000)).toEqual(
          whole.map((line, index) => {
            const isCut = index === whole.length - 1 && !texts.join('').endsWith('\n');
            return line.endsWith('\r') && !(isCut && line === '') ? line.slice(0, -1) : line;
          }),
        );
      }),
    );
  });

  it('are told without their bytes where they are longer than allowed, and those behind them with', async () => {
    expect(await linesOf(['abc', 'def', 'gh\nok\n', 'toolonghere'], 5)).toEqual([null, 'ok', null]);
  });
});
