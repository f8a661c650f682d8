const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** One line of a text, without its end. */
export interface TextLine {
  /** From 1. */
  readonly number: number;
  /** null: it is longer than allowed, and was not kept. */
  readonly bytes: Buffer | null;
}

/**
 * The lines of a text that arrives in pieces, each as soon as its end is there; a last one without an end counts, an empty one
 * behind the last line end does not. No more is held than a piece and `maxBytes` of a line.
 */
export async function* textLines(
  source: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<TextLine, void, undefined> {
  let number = 0;
  let pieces: Buffer[] = [];
  let bytes = 0;
  const line = (): TextLine => {
    number += 1;
    const whole = bytes > maxBytes ? null : withoutReturn(Buffer.concat(pieces));
    pieces = [];
    bytes = 0;
    return { number, bytes: whole };
  };
  const keep = (piece: Buffer): void => {
    bytes += piece.length;
    if (bytes > maxBytes) pieces = [];
    else pieces.push(piece);
  };
  for await (const chunk of source) {
    let at = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, at)) {
      keep(chunk.subarray(at, end));
      yield line();
      at = end + 1;
    }
    if (at < chunk.length) keep(Buffer.from(chunk.subarray(at)));
  }
  if (bytes > 0) yield line();
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
}
