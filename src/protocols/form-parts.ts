import { parseBoundary, splitParameters } from './form-head.ts';
import { invalidBody } from './model-name.ts';

/** One part of a form. Its content must be read to its end, or returned from, before the next part is asked for. */
export interface FormPart {
  readonly name: string;
  /** null: it is no file. */
  readonly filename: string | null;
  readonly content: AsyncIterable<Buffer>;
}

/** The longest head of a part. */
const maxHeadBytes = 8_192;

const headEnd = Buffer.from('\r\n\r\n');

/**
 * The parts of a multipart/form-data body (RFC 7578) as they arrive; no more of it is held than a chunk and a boundary.
 * Throws invalid_body where it is another type, broken or cut short. What the source throws goes through.
 */
export async function* formParts(
  contentType: string,
  source: AsyncIterable<Buffer>,
): AsyncGenerator<FormPart, void, undefined> {
  const reader = new PartReader(parseBoundary(contentType), source);
  for await (const _preamble of reader.toBoundary());
  while (!(await reader.isLast())) {
    const { name, filename } = partHead(await reader.head());
    const content = reader.toBoundary();
    yield { name, filename, content };
    // What the consumer left of it.
    for await (const _rest of content);
    await reader.finish();
  }
}

/** The bytes of a short part. Throws invalid_body beyond `maxBytes`. */
export async function partText(part: FormPart, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of part.content) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw invalidBody(`the field ${part.name} longer than ${maxBytes} bytes`, 0);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

class PartReader {
  readonly #delimiter: Buffer;
  readonly #source: AsyncIterator<Buffer>;
  /** What was read and not taken yet. The first boundary has no line end before it: given here. */
  #held: Buffer = Buffer.from('\r\n');
  #atBoundary = false;

  constructor(boundary: string, source: AsyncIterable<Buffer>) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Everything before the next boundary, which is taken too. */
  async *toBoundary(): AsyncGenerator<Buffer, void, undefined> {
    while (!this.#atBoundary) {
      const found = this.#held.indexOf(this.#delimiter);
      const end = found < 0 ? Math.max(0, this.#held.length - this.#delimiter.length + 1) : found;
      const bytes = this.#held.subarray(0, end);
      this.#held = this.#held.subarray(found < 0 ? end : end + this.#delimiter.length);
      this.#atBoundary = found >= 0;
      if (bytes.length > 0) yield bytes;
      if (found < 0) await this.#more();
    }
  }

  /** Takes what a consumer that stopped early has left. */
  async finish(): Promise<void> {
    for await (const _rest of this.toBoundary());
  }

  /** Whether the boundary that was reached ends the form; else the line end behind it is next. */
  async isLast(): Promise<boolean> {
    while (this.#held.length < 2) await this.#more();
    this.#atBoundary = false;
    return this.#held[0] === 0x2d && this.#held[1] === 0x2d;
  }

  /** The head of a part, without the empty line that ends it. */
  async head(): Promise<string> {
    for (;;) {
      const found = this.#held.indexOf(headEnd);
      if ((found < 0 ? this.#held.length : found) > maxHeadBytes) {
        throw invalidBody(`the head of a part longer than ${maxHeadBytes} bytes`, 0);
      }
      if (found >= 0) {
        const head = this.#held.toString('utf8', 0, found);
        this.#held = this.#held.subarray(found + headEnd.length);
        // An empty content has its boundary's line end right here.
        return head;
      }
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done === true) throw invalidBody('the form is cut short', 0);
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
  }
}

function partHead(head: string): { name: string; filename: string | null } {
  const [padding = '', ...lines] = head.split('\r\n');
  if (padding.trim() !== '') throw invalidBody('a boundary that does not end its line', 0);
  const dispositions = lines.filter((line) => /^content-disposition\s*:/i.test(line));
  const [type, parameters] = splitParameters(dispositions[0]?.replace(/^[^:]*:/, '').trim() ?? '');
  const name = parameters?.get('name');
  if (dispositions.length !== 1 || type !== 'form-data' || name === undefined) {
    throw invalidBody('a part without a name', 0);
  }
  return { name, filename: parameters?.get('filename') ?? null };
}
