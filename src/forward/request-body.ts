import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { PilotlightError } from '../core/errors.ts';
import type { BodyPatch, Span } from '../core/protocol.ts';
import { patched } from './body-patch.ts';
import type { HeldMemory } from './held-memory.ts';

/** Told about a body as it arrives. After onEnd or onError nothing more is told. */
export interface BodyListener {
  /** The chunk is kept already. What is thrown here or in onEnd comes back through onError. */
  onChunk(chunk: Buffer): void;
  onEnd(): void;
  onError(error: unknown): void;
}

/** What undici's dispatch takes as a body. */
export type UpstreamBody = Buffer | AsyncIterable<Buffer> | null;

const spoolReadBytes = 64 * 1024;
/** Up to here several chunks are joined into one buffer: one write instead of an iteration. */
const joinBytes = 256 * 1024;

/**
 * The body of one request: read to memory, and over the budget to a spool file; kept for replay until `letGo`. It is
 * read while the request waits, because an unread body hides the client's departure. The backend may be given it
 * before it is complete.
 */
export class RequestBody {
  readonly #held: HeldMemory;
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #memoryBytes = 0;
  #isSpooling = false;
  #spool: FileHandle | null = null;
  #spooledBytes = 0;
  #takenSpoolBytes = 0;
  #readers = 0;
  /** Of the last reader: its number, and how many chunks it has passed on. */
  #turn = 0;
  #readChunks = 0;
  #isComplete = false;
  #isKept = true;
  #isClosed = false;
  #wake: (() => void) | null = null;

  constructor(held: HeldMemory, maxBytes: number) {
    this.#held = held;
    this.#maxBytes = maxBytes;
  }

  /** Bytes received so far. */
  get bytes(): number {
    return this.#bytes;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** There is no body: nothing is to be read. */
  skip(): void {
    this.#isComplete = true;
  }

  /** Reads the request to its end, or until `close`. */
  read(req: IncomingMessage, listener: BodyListener): void {
    req.on('data', (chunk: Buffer) => this.#take(chunk, req, listener));
    req.on('end', () => {
      if (this.#isClosed) return;
      this.#isComplete = true;
      this.#wake?.();
      try {
        listener.onEnd();
      } catch (error) {
        listener.onError(error);
      }
    });
  }

  #take(chunk: Buffer, req: IncomingMessage, listener: BodyListener): void {
    if (this.#isClosed) return;
    try {
      if (this.#bytes + chunk.length > this.#maxBytes) throw tooLarge(this.#maxBytes);
      this.#bytes += chunk.length;
      if (this.#isSpooling || !this.#held.takeMemory(chunk.length)) {
        this.#spoolAway(chunk, req, listener);
      } else {
        this.#memoryBytes += chunk.length;
        this.#chunks.push(chunk);
        this.#wake?.();
      }
      listener.onChunk(chunk);
    } catch (error) {
      listener.onError(error);
    }
  }

  /** Throws memory_full when the spool's limit is reached; tells it when the disk refuses. */
  #spoolAway(chunk: Buffer, req: IncomingMessage, listener: BodyListener): void {
    this.#isSpooling = true;
    this.#held.takeSpool(chunk.length);
    this.#takenSpoolBytes += chunk.length;
    req.pause();
    this.#writeSpool(chunk).then(
      () => {
        this.#wake?.();
        req.resume();
      },
      (cause: unknown) => {
        if (this.#isClosed) return;
        listener.onError(this.#held.full('memory full: the spool cannot be written', cause));
      },
    );
  }

  async #writeSpool(chunk: Buffer): Promise<void> {
    this.#readers++;
    try {
      this.#spool ??= await this.#held.openSpool();
      for (let from = 0; from < chunk.length; ) {
        const { bytesWritten } = await this.#spool.write(
          chunk,
          from,
          chunk.length - from,
          this.#spooledBytes + from,
        );
        from += bytesWritten;
      }
      this.#spooledBytes += chunk.length;
    } finally {
      this.#endReader();
    }
  }

  /** A part of the body where that lies in memory; null for none, or one that is in the spool. */
  slice(span: Span | null): Buffer | null {
    if (span === null || this.#isSpooling) return null;
    return this.#whole().subarray(span.start, span.end);
  }

  #whole(): Buffer {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
  }

  /** The body for the backend, from its first byte, as often as it is asked for until `letGo`. */
  toUpstream(patch: BodyPatch | null): UpstreamBody {
    if (!this.#isComplete || this.#isSpooling || this.#bytes > joinBytes) {
      return patch === null ? this.#pieces() : patched(this.#pieces(), patch);
    }
    if (this.#bytes === 0) return null;
    const whole = this.#whole();
    if (patch === null) return whole;
    return Buffer.concat([whole.subarray(0, patch.span.start), patch.bytes, whole.subarray(patch.span.end)]);
  }

  /** One reader at a time: an earlier one, of an attempt that was given up, ends. */
  async *#pieces(): AsyncGenerator<Buffer> {
    const turn = ++this.#turn;
    this.#wake?.();
    this.#readers++;
    this.#readChunks = 0;
    let spoolOffset = 0;
    try {
      for (;;) {
        if (this.#isClosed || turn !== this.#turn) throw new Error('the body is not to be sent any more');
        if (this.#readChunks < this.#chunks.length) {
          yield this.#chunks[this.#readChunks++]!;
          if (!this.#isKept && turn === this.#turn) this.#dropRead();
        } else if (spoolOffset < this.#spooledBytes) {
          const piece = await this.#readSpool(spoolOffset);
          spoolOffset += piece.length;
          yield piece;
        } else if (this.#isComplete && this.#isSpoolWritten) return;
        else await this.#more();
      }
    } finally {
      this.#endReader();
    }
  }

  /** A request may end while its last chunk is still being written, although it is paused meanwhile. */
  get #isSpoolWritten(): boolean {
    return this.#spooledBytes === this.#takenSpoolBytes;
  }

  async #readSpool(offset: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(spoolReadBytes, this.#spooledBytes - offset));
    const { bytesRead } = await this.#spool!.read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) throw new Error('spool file is shorter than what was written');
    return buffer.subarray(0, bytesRead);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }

  /** No replay from now on: what the backend has got is let go of, and what it has not as soon as it gets it. */
  letGo(): void {
    this.#isKept = false;
    if (this.#readers === 0 && this.#isComplete) this.close();
    else this.#dropRead();
  }

  #dropRead(): void {
    const read = this.#chunks.splice(0, this.#readChunks);
    this.#readChunks = 0;
    const bytes = read.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#memoryBytes -= bytes;
    this.#held.giveMemory(bytes);
  }

  /** Lets go of everything; a read of the spool that is under way ends first. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#held.giveMemory(this.#memoryBytes);
    this.#memoryBytes = 0;
    this.#chunks.length = 0;
    this.#wake?.();
    if (this.#readers === 0) this.#closeSpool();
  }

  #endReader(): void {
    this.#readers--;
    if (this.#isClosed && this.#readers === 0) this.#closeSpool();
  }

  #closeSpool(): void {
    this.#held.giveSpool(this.#takenSpoolBytes);
    this.#takenSpoolBytes = 0;
    const handle = this.#spool;
    this.#spool = null;
    // An unlinked file has nothing left to lose: a failed close changes nothing for anybody.
    handle?.close().catch(() => undefined);
  }
}

/** body_too_large with the limit in it. */
export function tooLarge(maxBytes: number): PilotlightError {
  return new PilotlightError('body_too_large', `body too large: server.maxBody is ${maxBytes} bytes`);
}
