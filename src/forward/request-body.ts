import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { PilotlightError } from '../core/errors.ts';
import type { BodyPatch, Span } from '../core/protocol.ts';
import type { HeldMemory } from './held-memory.ts';

/** Told about a body as it arrives; exactly one of onEnd and onError is called. */
export interface BodyListener {
  onChunk(chunk: Buffer): void;
  onEnd(): void;
  onError(error: PilotlightError): void;
}

/** What undici's dispatch takes as a body. */
export type UpstreamBody = Buffer | AsyncIterable<Buffer> | null;

const spoolReadBytes = 64 * 1024;
/** Up to here several chunks are joined into one buffer: one write instead of an iteration. */
const joinBytes = 256 * 1024;

/**
 * The body of one request: read to memory, and over the budget to a spool file; kept for replay until `release`.
 * It is read while the request waits, because an unread body hides the client's departure.
 */
export class RequestBody {
  readonly #held: HeldMemory;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #memoryBytes = 0;
  #spoolBytes = 0;
  #spool: FileHandle | null = null;
  #readers = 0;
  #isReleased = false;

  constructor(held: HeldMemory, maxBytes: number) {
    this.#held = held;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#memoryBytes + this.#spoolBytes;
  }

  /** Reads the whole request. Chunks reach the listener in order, before they are let go of. */
  read(req: IncomingMessage, listener: BodyListener): void {
    let isDone = false;
    const fail = (error: PilotlightError) => {
      if (isDone) return;
      isDone = true;
      req.removeListener('data', onData);
      listener.onError(error);
    };
    const onData = (chunk: Buffer) => {
      if (this.#isReleased) return;
      if (this.bytes + chunk.length > this.#maxBytes) return fail(tooLarge(this.#maxBytes));
      try {
        listener.onChunk(chunk);
        if (this.#spool === null && this.#keep(chunk)) return;
      } catch (error) {
        return fail(error as PilotlightError);
      }
      req.pause();
      this.#writeSpool(chunk).then(() => req.resume(), fail);
    };
    req.on('data', onData);
    req.on('end', () => {
      if (isDone) return;
      isDone = true;
      listener.onEnd();
    });
  }

  #keep(chunk: Buffer): boolean {
    if (!this.#held.takeMemory(chunk.length)) return false;
    this.#memoryBytes += chunk.length;
    this.#chunks.push(chunk);
    return true;
  }

  /** Rejects with memory_full: when the spool's limit is reached, and when the disk refuses. */
  async #writeSpool(chunk: Buffer): Promise<void> {
    this.#held.takeSpool(chunk.length);
    const offset = this.#spoolBytes;
    this.#spoolBytes += chunk.length;
    this.#readers++;
    try {
      this.#spool ??= await this.#held.openSpool();
      let written = 0;
      while (written < chunk.length) {
        const { bytesWritten } = await this.#spool.write(
          chunk,
          written,
          chunk.length - written,
          offset + written,
        );
        written += bytesWritten;
      }
    } catch (cause) {
      throw new PilotlightError('memory_full', 'memory full: the spool cannot be written', { cause });
    } finally {
      this.#endReader();
    }
  }

  /** A part of the body where that lies in memory; null for none, or one that is in the spool. */
  slice(span: Span | null): Buffer | null {
    if (span === null || this.#spool !== null) return null;
    const whole = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    return whole.subarray(span.start, span.end);
  }

  /** The complete body for the backend, as often as it is asked for until `release`. */
  toUpstream(patch: BodyPatch | null): UpstreamBody {
    if (this.bytes === 0) return null;
    if (this.#spool === null && this.bytes <= joinBytes) {
      const whole = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      if (patch === null) return whole;
      return Buffer.concat([
        whole.subarray(0, patch.span.start),
        patch.bytes,
        whole.subarray(patch.span.end),
      ]);
    }
    return patch === null ? this.#pieces() : patched(this.#pieces(), patch);
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    this.#readers++;
    try {
      for (const chunk of this.#chunks) yield chunk;
      for (let at = 0; this.#spool !== null && at < this.#spoolBytes; ) {
        const buffer = Buffer.allocUnsafe(Math.min(spoolReadBytes, this.#spoolBytes - at));
        const { bytesRead } = await this.#spool.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) throw new Error('spool file is shorter than what was written');
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      this.#endReader();
    }
  }

  /** Lets go of everything; a read of the spool that is under way ends first. Idempotent. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#held.giveMemory(this.#memoryBytes);
    this.#chunks = [];
    if (this.#readers === 0) this.#closeSpool();
  }

  #endReader(): void {
    this.#readers--;
    if (this.#isReleased && this.#readers === 0) this.#closeSpool();
  }

  #closeSpool(): void {
    this.#held.giveSpool(this.#spoolBytes);
    const handle = this.#spool;
    this.#spool = null;
    // An unlinked file has nothing left to lose: a failed close changes nothing for anybody.
    handle?.close().catch(() => undefined);
  }
}

async function* patched(pieces: AsyncIterable<Buffer>, patch: BodyPatch): AsyncGenerator<Buffer> {
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

/** Bytes of the body that the backend gets. */
export function patchedBytes(bytes: number, patch: BodyPatch | null): number {
  return patch === null ? bytes : bytes - (patch.span.end - patch.span.start) + patch.bytes.length;
}

/** body_too_large with the limit in it. */
export function tooLarge(maxBytes: number): PilotlightError {
  return new PilotlightError('body_too_large', `body too large: server.maxBody is ${maxBytes} bytes`);
}
