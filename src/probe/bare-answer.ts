/** What came back. */
export interface BareAnswer {
  readonly status: number;
  /** Lower-case names; of several lines of one name the first counts. */
  readonly fields: ReadonlyMap<string, string>;
  /** As much of it as was wanted, as latin1: text of ASCII is found in it. */
  readonly body: string;
}

const maxHeadBytes = 64 * 1024;
const headEnd = '\r\n\r\n';

interface Head {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * Reads one answer of HTTP/1.x (RFC 9112) as far as it is wanted: bytes go in until there is an answer. Informational
 * answers are passed over. Throws an Error of one line for what is no HTTP.
 */
export class BareAnswerReader {
  readonly #bodyLimit: (status: number) => number;
  #bytes = '';
  #head: Head | null = null;

  /** `bodyLimit`: bytes of the body that are wanted with a status; 0 = the head is enough. */
  constructor(bodyLimit: (status: number) => number) {
    this.#bodyLimit = bodyLimit;
  }

  /** The answer, once it is there. */
  push(chunk: Buffer): BareAnswer | null {
    this.#bytes += chunk.toString('latin1');
    while (this.#head === null) {
      if (!beginsWell(this.#bytes)) throw new Error('it is no HTTP/1.1');
      const at = this.#bytes.indexOf(headEnd);
      if (at < 0 || at > maxHeadBytes) {
        if (this.#bytes.length > maxHeadBytes) throw new Error('its head is too large');
        return null;
      }
      const head = parseHead(this.#bytes.slice(0, at));
      this.#bytes = this.#bytes.slice(at + headEnd.length);
      if (head.status >= 200 || head.status === 101) this.#head = head;
    }
    return this.#answer(this.#head, false);
  }

  /** The connection has ended: the answer, where that is how its body ends or what came is enough; else an error. */
  end(): BareAnswer {
    const answer = this.#head === null ? null : this.#answer(this.#head, true);
    if (answer === null) throw new Error(this.#bytes === '' ? 'no answer' : 'cut off');
    return answer;
  }

  #answer(head: Head, hasEnded: boolean): BareAnswer | null {
    const limit = this.#bodyLimit(head.status);
    const { text, isWhole } = limit === 0 ? { text: '', isWhole: true } : this.#body(head, hasEnded);
    return isWhole || text.length >= limit ? { ...head, body: text.slice(0, limit) } : null;
  }

  #body({ status, fields }: Head, hasEnded: boolean): { readonly text: string; readonly isWhole: boolean } {
    if (status < 200 || status === 204 || status === 304) return { text: '', isWhole: true };
    if (fields.has('transfer-encoding')) return dechunk(this.#bytes);
    const length = fields.get('content-length');
    if (length === undefined) return { text: this.#bytes, isWhole: hasEnded };
    if (!/^\d{1,15}$/.test(length)) throw new Error('its content-length is malformed');
    return { text: this.#bytes.slice(0, Number(length)), isWhole: this.#bytes.length >= Number(length) };
  }
}

/** Whether it can still become an answer: a peer that speaks otherwise may never send an empty line. */
function beginsWell(bytes: string): boolean {
  return bytes.startsWith('HTTP/') || 'HTTP/'.startsWith(bytes);
}

function parseHead(text: string): Head {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] ([1-9]\d\d)(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error('it is no HTTP/1.1');
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon > 0 && !fields.has(name)) fields.set(name, line.slice(colon + 1).trim());
  }
  return { status: Number(status), fields };
}

/** A body in the chunked coding, as far as it came. */
function dechunk(bytes: string): { text: string; isWhole: boolean } {
  let text = '';
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return { text, isWhole: false };
    const digits = /^([0-9a-fA-F]{1,8})[ \t]*(?:;|$)/.exec(bytes.slice(at, lineEnd))?.[1];
    if (digits === undefined) throw new Error('its chunks are malformed');
    const size = Number.parseInt(digits, 16);
    if (size === 0) return { text, isWhole: true };
    text += bytes.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
    if (at > bytes.length) return { text, isWhole: false };
  }
}
