import type { Http2Stream } from 'node:http2';

/**
 * Resets a stream behind all that is being received. Within the receiving of its own session Node 26 holds a reset with CANCEL
 * back and destroys the stream before; one that waits for trailers then ends the process by an assertion
 * (`Http2Stream::OnTrailers`, `!this->is_destroyed()`).
 */
export function closeSoon(stream: Http2Stream, code: number): void {
  setImmediate(() => {
    if (!stream.destroyed && !stream.closed) stream.close(code);
  });
}
