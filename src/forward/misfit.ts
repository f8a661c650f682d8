import { PilotlightError } from '../core/errors.ts';
import type { AnswerHead } from './headers.ts';

const maxBytes = 4096;
const maxReasonChars = 500;

/** An answer that cannot follow a heartbeat's 200: the beginning of its body is read, since that says why. */
export class Misfit {
  readonly #head: AnswerHead;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(head: AnswerHead) {
    this.#head = head;
  }

  /** False: that is enough. */
  keep(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes < maxBytes;
  }

  /** backend_bad_response with what the backend answered. */
  error(): PilotlightError {
    const { status, contentType, isEncoded } = this.#head;
    const what = `backend answered ${status} (${contentType || 'no content-type'}) after the answer had begun with a heartbeat`;
    const isText = !isEncoded && /json|^text\//i.test(contentType) && status >= 400;
    const reason = isText ? reasonIn(Buffer.concat(this.#chunks).toString()) : '';
    return new PilotlightError('backend_bad_response', reason === '' ? what : `${what}: ${reason}`);
  }
}

/** The message of an error in any of the usual shapes, else the text itself; cut to a bearable length. */
function reasonIn(text: string): string {
  try {
    const body = JSON.parse(text) as { error?: unknown; message?: unknown; detail?: unknown };
    const { error, message = error, detail = message } = body;
    const found = typeof error === 'object' && error !== null && 'message' in error ? error.message : detail;
    return (typeof found === 'string' ? found : text).slice(0, maxReasonChars);
  } catch {
    return text.slice(0, maxReasonChars);
  }
}
