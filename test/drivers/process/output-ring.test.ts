import { describe, expect, it } from 'vitest';
import { OutputRing } from '../../../src/drivers/process/output-ring.ts';

const ringOf = (maxLines: number, maxLineBytes: number) => {
  const ring = new OutputRing({ maxLines, maxLineBytes });
  const write = ring.stream();
  return { ring, write: (text: string) => write(Buffer.from(text)) };
};

describe('output ring', () => {
  it('keeps the last lines', () => {
    const { ring, write } = ringOf(2, 100);
    write('one\ntwo\nthree\n');
    expect(ring.lines()).toEqual(['two', 'three']);
  });

  it('joins lines and characters that arrive in pieces', () => {
    const { ring } = ringOf(2, 100);
    const write = ring.stream();
    for (const byte of Buffer.from('größe\nzwei\n')) write(Buffer.from([byte]));
    expect(ring.lines()).toEqual(['größe', 'zwei']);
  });

  it('shows the line that is not ended yet, without passing its limit', () => {
    const { ring, write } = ringOf(2, 100);
    write('one\ntwo\nthr');
    expect(ring.lines()).toEqual(['two', 'thr']);
    write('ee\n');
    expect(ring.lines()).toEqual(['two', 'three']);
  });

  it('cuts a long line and goes on with the next', () => {
    const { ring, write } = ringOf(3, 4);
    write('abcd\nabc');
    write('defgh\nok\n');
    expect(ring.lines()).toEqual(['abcd', 'abcd…', 'ok']);
  });

  it('shows of a progress bar what a terminal would show, and ends lines at CRLF', () => {
    const { ring, write } = ringOf(3, 100);
    write('10%\r55%\r100%\ndone\r');
    write('\nnext\r\n');
    expect(ring.lines()).toEqual(['100%', 'done', 'next']);
  });

  it('drops colours and empty lines', () => {
    const { ring, write } = ringOf(3, 100);
    write('\u001b[31mred\u001b[0m\n\n  \n');
    expect(ring.lines()).toEqual(['red']);
  });

  it('keeps the lines of two streams apart', () => {
    const ring = new OutputRing({ maxLines: 4, maxLineBytes: 100 });
    const [out, err] = [ring.stream(), ring.stream()];
    out(Buffer.from('out '));
    err(Buffer.from('err\n'));
    out(Buffer.from('put\n'));
    expect(ring.lines()).toEqual(['err', 'out put']);
  });
});
