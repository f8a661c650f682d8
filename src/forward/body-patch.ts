import type { BodyPatch } from '../core/protocol.ts';

/** The pieces of a body with one span of it replaced. */
export async function* patched(pieces: AsyncIterable<Buffer>, patch: BodyPatch): AsyncGenerator<Buffer> {
  const { start, end } = patch.span;
  let at = 0;
  for await (const piece of pieces) {
    const from = at;
    at += piece.length;
    if (from < start) yield piece.subarray(0, Math.min(piece.length, start - from));
    if (from <= start && start < at) yield patch.bytes;
    if (at > end) yield piece.subarray(Math.max(0, end - from));
  }
}

/** Bytes of a body after its patch. */
export function patchedBytes(bytes: number, patch: BodyPatch | null): number {
  return patch === null ? bytes : bytes - (patch.span.end - patch.span.start) + patch.bytes.length;
}
