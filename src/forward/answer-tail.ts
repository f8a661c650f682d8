import type { AnswerHead } from './headers.ts';

const shortChars = 1024;

/** The parts of an answer's body that may tell its usage: the first piece and the last ones, in latin1. */
export class AnswerTail {
  readonly kind: 'json' | 'sse';
  #first: Buffer | string = '';
  #before: Buffer | string = '';
  #last: Buffer | string = '';

  constructor(kind: 'json' | 'sse') {
    this.kind = kind;
  }

  /** Keeps the piece itself, which must not change any more. Short ones are joined: they may be parts of one event. */
  push(piece: Buffer | string): void {
    if (this.#first === '') this.#first = piece;
    if (this.#last.length < shortChars) {
      this.#last = this.#last === '' ? piece : text(this.#last) + text(piece);
      return;
    }
    this.#before = this.#last;
    this.#last = piece;
  }

  get first(): string {
    return text(this.#first);
  }

  /** The last pieces. */
  get end(): string {
    return text(this.#before) + text(this.#last);
  }
}

/** Keeps what may tell the usage of an answer; null: it is none that tells any. */
export function answerTailOf({
  status,
  isEncoded,
  contentType,
}: Pick<AnswerHead, 'status' | 'isEncoded' | 'contentType'>): AnswerTail | null {
  if (status >= 300 || isEncoded) return null;
  if (contentType.startsWith('text/event-stream')) return new AnswerTail('sse');
  return contentType.startsWith('application/json') ? new AnswerTail('json') : null;
}

function text(piece: Buffer | string): string {
  return typeof piece === 'string' ? piece : piece.toString('latin1');
}
