import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkScanner } from '../../src/forward/chunk-scanner.ts';

function scanText(text: string, scanner = new ChunkScanner()) {
  const found = scanner.scan(Buffer.from(text, 'latin1'));
  return { found, safeEnd: scanner.safeEnd, isAtBoundary: scanner.isAtBoundary };
}

describe('ChunkScanner', () => {
  it('is at a boundary before the first chunk and after each whole one', () => {
    expect(new ChunkScanner().isAtBoundary).toBe(true);
    expect(scanText('5\r\nhello\r\n')).toEqual({ found: 'open', safeEnd: 10, isAtBoundary: true });
    expect(scanText('5\r\nhello\r')).toEqual({ found: 'open', safeEnd: 9, isAtBoundary: false });
    expect(scanText('5\r\nhel')).toEqual({ found: 'open', safeEnd: 6, isAtBoundary: false });
  });

  it.each(['a', 'A\r', '0000000a'])('keeps back the unfinished size line %j', (line) => {
    expect(scanText(`1\r\nx\r\n${line}`)).toEqual({ found: 'open', safeEnd: 6, isAtBoundary: false });
  });

  it('calls a size line complete with its line feed', () => {
    expect(scanText('1\r\nx\r\na\r\n')).toEqual({ found: 'open', safeEnd: 9, isAtBoundary: false });
  });

  it.each([
    '0\r\n\r\n',
    '00000000\r',
    '5;a=b\r\n',
    '5 \r\n',
    ' 5\r\n',
    '5\n',
    '5\rx',
    '\r\n',
    '\n',
    'g\r\n',
    '-1\r\n',
    '0x5\r\n',
    '123456789\r\n',
    '@\r\n',
    '`\r\n',
    '\x00',
    '\xb5\r\n',
  ])('finds the size line %j odd and safe up to its start', (line) => {
    expect(scanText(`1\r\nx\r\n${line}`)).toMatchObject({ found: 'odd', safeEnd: 6 });
  });

  it.each(['y', '\n', '\ry', '\r\r'])('finds data followed by %j broken', (end) => {
    expect(scanText(`1\r\nx${end}`)).toMatchObject({ found: 'broken' });
  });

  it('takes sizes of 8 digits', () => {
    const scanner = new ChunkScanner();
    scanText('ffffffff\r\n', scanner);
    const block = Buffer.alloc(0x1000000);
    for (let i = 0; i < 255; i++) expect(scanner.scan(block)).toBe('open');
    scanner.scan(block, 0, block.length - 1);
    expect(scanText('\r\n', scanner)).toEqual({ found: 'open', safeEnd: 2, isAtBoundary: true });
  });

  it('reports 0 as safe while a size line from an earlier scan goes on', () => {
    const scanner = new ChunkScanner();
    expect(scanText('1', scanner).safeEnd).toBe(0);
    expect(scanText('0', scanner).safeEnd).toBe(0);
    expect(scanText('\r', scanner).safeEnd).toBe(0);
    expect(scanText('\n', scanner).safeEnd).toBe(1);
  });

  it('scans only the given part', () => {
    const scanner = new ChunkScanner();
    expect(scanner.scan(Buffer.from('??1\r\nx\r\n??'), 2, 8)).toBe('open');
    expect(scanner.isAtBoundary).toBe(true);
    expect(scanner.safeEnd).toBe(8);
  });

  it('finds the same however the bytes are cut', () => {
    const parts = fc.array(
      fc.oneof(fc.constantFrom('0\r\n\r\n', '3;x\r\nabc\r\n', '2\r\nabc', '1\r\na\r\n'), fc.string()),
    );
    fc.assert(
      fc.property(parts, fc.array(fc.nat(60)), (texts, cuts) => {
        const bytes = Buffer.from(texts.join(''), 'latin1');
        const whole = new ChunkScanner();
        const found = whole.scan(bytes);
        const cutScanner = new ChunkScanner();
        let safeEnd = 0;
        let cutFound = 'open';
        const ends = [...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        let start = 0;
        for (const end of ends) {
          cutFound = cutScanner.scan(bytes, start, end);
          if (cutScanner.safeEnd > start) safeEnd = cutScanner.safeEnd;
          start = end;
          if (cutFound !== 'open') break;
        }
        expect([cutFound, safeEnd]).toEqual([found, whole.safeEnd]);
      }),
    );
  });
});
