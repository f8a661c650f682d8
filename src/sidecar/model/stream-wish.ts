import { JsonScanner } from '../../protocols/json-scan.ts';
import {
  type BodyReader,
  fieldOf,
  type HeldRequest,
  type LaneHead,
  type LaneRequest,
} from '../../relay/traffic.ts';

/** So much of a body is looked at: as much as a lane holds of one. */
const maxBytes = 64 * 1024;

/**
 * Whether a request that waits asks for a stream of events: by `accept`, or by `stream: true` in its JSON, which SDKs write
 * and which may stand behind the prompt. Reads the body where the lane does not hold it by itself.
 */
export class StreamWish implements BodyReader {
  readonly #request: LaneRequest & Partial<HeldRequest>;
  readonly #read: Buffer[] = [];
  #readBytes = 0;

  constructor(request: LaneRequest & Partial<HeldRequest>) {
    this.#request = request;
    const mayAsk = isJson(request.head) && request.head.bodyBytes !== 0;
    if (mayAsk && request.held === undefined) request.read?.(this);
  }

  /** What was read and has to go before the rest (`Outbound.prefix`). */
  get prefix(): readonly Buffer[] {
    return this.#read;
  }

  onChunk(chunk: Buffer): void {
    this.#read.push(chunk);
    this.#readBytes += chunk.length;
    if (this.#readBytes >= maxBytes) this.#request.pause?.();
  }

  onEnd(): void {
    // Whether all of it came makes no difference here.
  }

  /** As far as what came of the body tells; scans all of it. */
  get isThere(): boolean {
    const { head } = this.#request;
    if (fieldOf(head.fields, 'accept')?.includes('text/event-stream')) return true;
    if (!isJson(head)) return false;
    const held = Buffer.concat(this.#request.held?.() ?? this.#read);
    const isFramed = head.bodyBytes === null && head.version !== '2';
    return scan(isFramed ? withoutFraming(held) : held);
  }
}

function isJson({ method, fields }: LaneHead): boolean {
  const type = fieldOf(fields, 'content-type');
  return method === 'POST' && type !== undefined && /^application\/json\b/i.test(type);
}

function scan(body: Buffer): boolean {
  const scanner = new JsonScanner();
  try {
    scanner.push(body);
  } catch {
    return false; // The app refuses it, in its own words.
  }
  return scanner.asksForStream;
}

/** The data of chunks that a lane found to be well-formed, as far as they came. */
function withoutFraming(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = lineEnd < 0 ? 0 : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (!(size > 0)) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
