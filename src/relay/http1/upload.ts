import type { BackendConnection } from './backend-connection.ts';
import { ChunkReader } from './chunk-reader.ts';
import type { HeldBudget } from './held-budget.ts';

/**
 * One request may hold so much of its body while it waits. Who has more to send is not seen to leave; prompts with an image
 * have less.
 */
const maxHeldBytes = 1024 * 1024;
/** Up to here a head and a body are joined to be written as one. */
const maxJoinedBytes = 16 * 1024;

/** How reading on stands: as fast as it comes, not for now, or never: the body is malformed. */
export type UploadState = 'flowing' | 'full' | 'malformed';

/** The body of a request on its way: held while the request waits, then passed on as it comes, framing and all. */
export class Upload {
  readonly #chunks: ChunkReader | null;
  readonly #budget: HeldBudget;
  #left: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #backend: BackendConnection | null = null;
  #isDiscarding = false;
  #passedBytes = 0;
  /** All of it was read. */
  isComplete = false;
  /** Anything of it was read. */
  hasBegun = false;

  /** `bodyBytes` as in a head, and not 0. */
  constructor(bodyBytes: number | null, budget: HeldBudget) {
    this.#chunks = bodyBytes === null ? new ChunkReader() : null;
    this.#left = bodyBytes ?? 0;
    this.#budget = budget;
  }

  /** Bytes that are still to come; null: nobody knows. */
  get unreadBytes(): number | null {
    if (this.isComplete) return 0;
    return this.#chunks === null ? this.#left : null;
  }

  /** What waits, framing and all. */
  get held(): readonly Buffer[] {
    return this.#held;
  }

  /** Bytes of data that were passed on since this was asked last. */
  takePassedBytes(): number {
    const bytes = this.#passedBytes;
    this.#passedBytes = 0;
    return bytes;
  }

  /** Index behind the body's bytes in what was read last. */
  end = 0;

  /** Reads what came, from `start`. */
  read(bytes: Buffer, start: number): UploadState {
    this.hasBegun = true;
    if (this.#chunks === null) {
      this.end = Math.min(bytes.length, start + this.#left);
      this.#left -= this.end - start;
      this.isComplete = this.#left === 0;
      return this.#pass('', bytes, start, this.end, this.end - start);
    }
    const chunks = this.#chunks;
    const state = chunks.read(bytes, start, bytes.length);
    this.end = chunks.end;
    this.isComplete = state === 'done';
    if (state === 'broken') return 'malformed';
    let dataBytes = 0;
    for (let i = 0; i < chunks.spans.length; i += 2) dataBytes += chunks.spans[i + 1]! - chunks.spans[i]!;
    return this.#pass(chunks.prefix, bytes, start, chunks.safeEnd, dataBytes);
  }

  #pass(prefix: string, bytes: Buffer, start: number, end: number, dataBytes: number): UploadState {
    this.#passedBytes += dataBytes;
    if (this.#isDiscarding || (end === start && prefix === '')) return 'flowing';
    const piece = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
    if (this.#backend !== null) {
      const isFree = prefix === '' ? this.#backend.write(piece) : this.#backend.writeAll([prefix, piece]);
      return isFree ? 'flowing' : 'full';
    }
    if (prefix !== '') this.#held.push(Buffer.from(prefix, 'latin1'));
    this.#held.push(piece);
    const length = prefix.length + piece.length;
    this.#heldBytes += length;
    const hasRoom = this.#budget.take(length);
    return this.isComplete || (hasRoom && this.#heldBytes < maxHeldBytes) ? 'flowing' : 'full';
  }

  /** Sends the head and what is held; what comes later follows. False: the backend takes no more for now. */
  start(head: string, backend: BackendConnection): boolean {
    this.#backend = backend;
    const held = this.#held;
    const bytes = this.#heldBytes;
    this.#release();
    if (bytes === 0) return backend.write(head);
    if (bytes > maxJoinedBytes) return backend.writeAll([head, ...held]);
    let text = head;
    for (const piece of held) text += piece.toString('latin1');
    return backend.write(text);
  }

  /** From now on what comes is read and dropped. */
  discard(): void {
    this.#isDiscarding = true;
    this.#backend = null;
    this.#release();
  }

  #release(): void {
    this.#budget.give(this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
  }
}
