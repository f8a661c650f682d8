import type { IncomingMessage } from 'node:http';
import { PilotlightError } from '../core/errors.ts';
import type { HeldMemory } from '../forward/held-memory.ts';

/** body_too_large for a route that has a limit of its own, or for server.maxBody. */
function tooLarge(maxBytes: number): PilotlightError {
  return new PilotlightError('body_too_large', `body too large: at most ${maxBytes} bytes are taken here`);
}

/** Throws body_too_large where the head says so already. */
export function checkLength(req: IncomingMessage, maxBytes: number): void {
  if (Number(req.headers['content-length']) > maxBytes) throw tooLarge(maxBytes);
}

/** A body that is read whole, booked with what waiting requests may hold until `close`. */
export class SurfaceBody {
  readonly #held: HeldMemory;
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #isClosed = false;

  constructor(held: HeldMemory, maxBytes: number) {
    this.#held = held;
    this.#maxBytes = maxBytes;
  }

  /** Rejects with body_too_large, memory_full, or what the signal was aborted with. */
  read(req: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const onAbort = () => end(signal.reason);
    const onData = (chunk: Buffer) => {
      const refusal = this.#take(chunk);
      if (refusal !== null) end(refusal);
    };
    const onEnd = () => end(null);
    function off() {
      req.off('data', onData).off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
    }
    const end = (error: unknown) => {
      off();
      if (error === null) resolve(this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks));
      else reject(error);
    };
    if (signal.aborted) reject(signal.reason);
    else {
      signal.addEventListener('abort', onAbort);
      req.on('data', onData).on('end', onEnd);
    }
    return promise;
  }

  #take(chunk: Buffer): PilotlightError | null {
    if (this.#bytes + chunk.length > this.#maxBytes) return tooLarge(this.#maxBytes);
    if (!this.#held.takeMemory(chunk.length))
      return this.#held.full('memory full: server.heldMemory has no room for this body');
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    return null;
  }

  /** Lets go of it; idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#chunks.length = 0;
    this.#held.giveMemory(this.#bytes);
  }
}

/**
 * A body as it arrives, for a handler that does not need it whole. Throws body_too_large, and client_gone's cause where the
 * client leaves; the connection stays, so that an answer can be given.
 */
export async function* uploadOf(req: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}
