import { PilotlightError } from '../../core/errors.ts';

const prefixBytes = 5;

/**
 * Reads the first message of a stream of gRPC as it arrives: a byte that tells whether it is compressed, four of its
 * length, and the message.
 */
export class FirstMessage {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #expectedBytes = prefixBytes;

  /** `maxBytes`: the longest message that is read. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True: the message is there. Throws body_too_large as soon as its length says so, and unsupported_encoding. */
  push(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#expectedBytes === prefixBytes && this.#bytes >= prefixBytes) this.#readPrefix();
    return this.#bytes >= this.#expectedBytes && this.#bytes >= prefixBytes;
  }

  #readPrefix(): void {
    const head = this.#join();
    const length = head.readUInt32BE(1);
    if (length > this.#maxBytes) {
      const message = `message too large: it has ${length} bytes, server.maxBody is ${this.#maxBytes} bytes`;
      throw new PilotlightError('body_too_large', message);
    }
    if (head[0] !== 0) {
      const message = 'the first message must not be compressed: its model is read here';
      throw new PilotlightError('unsupported_encoding', message, {
        headers: ['grpc-accept-encoding', 'identity'],
      });
    }
    this.#expectedBytes = prefixBytes + length;
  }

  #join(): Buffer {
    if (this.#chunks.length > 1) this.#chunks.splice(0, this.#chunks.length, Buffer.concat(this.#chunks));
    return this.#chunks[0]!;
  }

  /** The message without its prefix, once `push` returned true. */
  message(): Buffer {
    return this.#join().subarray(prefixBytes, this.#expectedBytes);
  }

  /** All that was read, as it came, or with another message in the place of the first. */
  pieces(message: readonly Buffer[] | null): Buffer[] {
    if (message === null) return [...this.#chunks];
    const prefix = Buffer.alloc(prefixBytes);
    prefix.writeUInt32BE(
      message.reduce((sum, { length }) => sum + length, 0),
      1,
    );
    const rest = this.#join().subarray(this.#expectedBytes);
    return [prefix, ...message, ...(rest.length === 0 ? [] : [rest])];
  }
}
