import { PilotlightError } from '../core/errors.ts';

/** All bytes of a source in one. For what is known to be small, or has to be parsed as a whole. */
export async function readWhole(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return pieces.length === 1 && Buffer.isBuffer(pieces[0]) ? pieces[0] : Buffer.concat(pieces);
}

/** As `readWhole`, of an answer that has to be parsed as a whole while its client waits. Throws backend_bad_response beyond the bound. */
export async function readAnswer(source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  return readWhole(upTo(source, maxBytes));
}

async function* upTo(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const piece of source) {
    bytes += piece.length;
    if (bytes > maxBytes) {
      const message = `the backend's answer has more than ${maxBytes} bytes, and has to be read whole`;
      throw new PilotlightError('backend_bad_response', message);
    }
    yield piece;
  }
}
