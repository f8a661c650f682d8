import type { AnswerHead } from './headers.ts';

const maxLoadingBytes = 4096;

/** A 503 that may mean "still loading": kept back until its body has told. */
export class Doubt {
  readonly head: AnswerHead;
  readonly chunks: Buffer[] = [];
  readonly #loading: string;
  #bytes = 0;

  /** `loading`: the text in a body that means it. */
  constructor(head: AnswerHead, loading: string) {
    this.head = head;
    this.#loading = loading;
  }

  /** False: the body is longer than such a message is. */
  keep(chunk: Buffer): boolean {
    this.chunks.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes <= maxLoadingBytes;
  }

  /** Of the complete body. */
  get isLoading(): boolean {
    return Buffer.concat(this.chunks).includes(this.#loading);
  }
}
