import type { Answer } from './answer.ts';
import { type AnswerTail, answerTailOf } from './answer-tail.ts';
import type { AnswerHead } from './headers.ts';

/** Takes the answer to a request that the gateway made itself. */
export interface AnswerSink {
  /** Once, before any data. */
  onHead(head: AnswerHead): void;
  /** A piece of the body. False: no more until what `onDrain` got is called. */
  onData(chunk: Buffer): boolean;
  /** To be called once when there is room again. */
  onDrain(resume: () => void): void;
}

/** An answer that stays in the gateway. Its trailers are dropped. */
export class SinkAnswer implements Answer {
  readonly cutError = null;
  readonly line = null;
  readonly #sink: AnswerSink;
  #status = 0;
  #bytes = 0;
  #isSse = false;
  #tail: AnswerTail | null = null;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** Of its head; 0: it has not come. */
  get status(): number {
    return this.#status;
  }

  get hasHead(): boolean {
    return this.#status !== 0;
  }

  /** Bytes of its body so far. */
  get bytes(): number {
    return this.#bytes;
  }

  get isSse(): boolean {
    return this.#isSse;
  }

  /** Where its usage may be told; null: it is not one that tells any. */
  get tail(): AnswerTail | null {
    return this.#tail;
  }

  interim(): void {
    // Hints for a client, which there is not.
  }

  head(head: AnswerHead): void {
    this.#status = head.status;
    this.#isSse = !head.isEncoded && head.contentType.startsWith('text/event-stream');
    this.#tail = answerTailOf(head);
    this.#sink.onHead(head);
  }

  data(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    this.#tail?.push(chunk);
    return this.#sink.onData(chunk);
  }

  onDrain(resume: () => void): void {
    this.#sink.onDrain(resume);
  }

  end(): void {
    // Told by the errand itself, with how it ended.
  }

  cut(): void {
    // As `end`.
  }
}
