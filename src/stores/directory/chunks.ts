import { PilotlightError } from '../../core/errors.ts';

/**
 * The chunks of a source; throws body_too_large past `maxBytes`, and the signal's reason as soon as it is aborted, whatever the
 * source does: one that stands still holds nothing up.
 */
export async function* chunksOf(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => undefined);
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  let isDone = false;
  try {
    for (let bytes = 0; ; ) {
      const next = await Promise.race([chunks.next(), aborted]);
      isDone = next.done === true;
      if (next.done) return;
      bytes += next.value.byteLength;
      if (bytes > maxBytes)
        throw new PilotlightError('body_too_large', `blob too large: more than ${maxBytes} bytes`);
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (!isDone) chunks.return?.()?.catch(() => undefined);
  }
}
