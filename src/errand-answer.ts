import type { Errand, ErrandEnd, ErrandOrder, ErrandSink } from './errand.ts';
import type { AnswerHead } from './forward/headers.ts';
import type { Pipeline } from './pipeline.ts';

/** So many bytes of an answer wait to be read before the backend is told to wait. */
const maxUnreadBytes = 256 * 1024;

/** Fields that describe the message between backend and gateway, or stand in an answer by themselves. */
const ownFields = new Set(['content-length', 'content-type', 'date']);

/** The head of the answer to an errand. */
export interface ErrandHead {
  readonly status: number;
  readonly contentType: string;
  /** End-to-end fields, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds it waited for a slot, and of those for a start. */
  readonly waitMs: number;
  readonly coldMs: number;
}

/**
 * An errand under way: a promise of the head of its answer, and its body to be iterated once, which must be read to its end or
 * returned from. When the signal aborts, the request is taken out of wherever it is; both reject with the signal's reason then,
 * else with a PilotlightError.
 */
export class ErrandAnswer implements ErrandSink, AsyncIterableIterator<Buffer> {
  readonly head: Promise<ErrandHead>;
  readonly #settling = Promise.withResolvers<ErrandHead>();
  readonly #signal: AbortSignal;
  readonly #errand: Errand;
  readonly #onAbort = () => this.#errand.abort();
  readonly #chunks: Buffer[] = [];
  #unreadBytes = 0;
  #end: ErrandEnd | null = null;
  #resume: (() => void) | null = null;
  #wake: (() => void) | null = null;

  /** Sends it on its way. */
  constructor(pipeline: Pipeline, order: ErrandOrder, signal: AbortSignal) {
    this.#signal = signal;
    this.head = this.#settling.promise;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#errand = pipeline.errand(order, this);
    if (signal.aborted) this.#errand.abort();
  }

  /** A backend may have processed some of it. */
  get isSent(): boolean {
    return this.#errand.isSent;
  }

  onHead({ status, contentType, fields }: AnswerHead): void {
    // An answer comes in a later turn than the one that began the errand.
    this.#settling.resolve({ status, contentType, headers: passedOn(fields), ...this.#errand.waits });
  }

  onData(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#unreadBytes += chunk.length;
    this.#wake?.();
    return this.#unreadBytes < maxUnreadBytes;
  }

  onDrain(resume: () => void): void {
    this.#resume = resume;
  }

  onEnd(end: ErrandEnd): void {
    this.#end = end;
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (end.kind !== 'answered') this.#settling.reject(this.#faultOf(end));
    this.#wake?.();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Buffer>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return { done: false, value: this.#read(chunk) };
      if (this.#end?.kind === 'answered') return { done: true, value: undefined };
      if (this.#end !== null) throw this.#faultOf(this.#end);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Nobody reads on. */
  async return(): Promise<IteratorResult<Buffer>> {
    this.#chunks.length = 0;
    this.#errand.abort();
    return { done: true, value: undefined };
  }

  #read(chunk: Buffer): Buffer {
    this.#unreadBytes -= chunk.length;
    if (this.#unreadBytes >= maxUnreadBytes) return chunk;
    const resume = this.#resume;
    // More may come, and be too much again, before it returns.
    this.#resume = null;
    resume?.();
    return chunk;
  }

  #faultOf(end: Exclude<ErrandEnd, { kind: 'answered' }>): unknown {
    return end.kind === 'failed' ? end.error : (this.#signal.reason ?? new Error('nobody reads the answer'));
  }
}

/** The fields by name; repeated ones are joined. */
function passedOn(fields: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    if (ownFields.has(name)) continue;
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}
