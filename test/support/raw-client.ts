import { connect, type Socket } from 'node:net';
import { parseBody, parseHead } from './raw-message.ts';
import { Signal } from './raw-signal.ts';

/** An answer as a client gets it from the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly reason: string;
  readonly fields: ReadonlyMap<string, string>;
  /** Interim answers ahead of it: status and fields. */
  readonly interim: readonly { readonly status: number; readonly fields: ReadonlyMap<string, string> }[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** Its framing came to its end: the client takes it for complete. */
  readonly isWhole: boolean;
  /** `error.code` of an error answer or of an error event, if any. */
  readonly code: string | null;
}

/** A client that writes bytes as the test wants them and reads answers off the wire. */
export class RawClient {
  readonly socket: Socket;
  readonly #signal = new Signal();
  #received: Buffer = Buffer.alloc(0);
  #state: 'open' | 'ended' | 'reset' = 'open';
  readonly #method: string;

  /** `method` of the requests it will write: an answer to HEAD has no body. */
  constructor(url: string, method = 'POST') {
    const { hostname, port } = new URL(url);
    this.#method = method;
    this.socket = connect({ port: Number(port), host: hostname, noDelay: true });
    this.socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#signal.tell();
    });
    this.socket.on('error', () => {
      this.#state = 'reset';
    });
    this.socket.on('close', () => {
      if (this.#state === 'open') this.#state = 'ended';
      this.#signal.tell();
    });
  }

  get isClosed(): boolean {
    return this.#state !== 'open';
  }

  /** Everything received and not taken by `next`. */
  get text(): string {
    return this.#received.toString('latin1');
  }

  write(bytes: string | Buffer): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** Writes, and resolves when the bytes have been handed to the system. */
  async send(bytes: string | Buffer): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** Resolves when `pattern` has arrived; rejects when the connection closes without it. */
  until(pattern: RegExp): Promise<string> {
    return this.#signal.until(() => {
      if (pattern.test(this.text)) return this.text;
      if (this.isClosed)
        throw new Error(`closed before ${pattern}: ${JSON.stringify(this.text.slice(-500))}`);
      return undefined;
    });
  }

  /** The answer once it is whole, or what there is of it when the connection has closed. */
  async answer(): Promise<RawAnswer> {
    const { answer } = await this.#signal.until(() => {
      const found = this.#parse();
      return found?.answer.isWhole || (this.isClosed && found) ? found : this.#nothing();
    });
    return answer;
  }

  /** As `answer`, and takes it away, so that the next one can be read. */
  async next(): Promise<RawAnswer> {
    const answer = await this.answer();
    this.#received = this.#received.subarray(this.#parse()!.length);
    return answer;
  }

  #nothing(): undefined {
    if (this.isClosed) throw new Error(`closed without an answer (${this.#state})`);
    return undefined;
  }

  #parse(): { readonly answer: RawAnswer; readonly length: number } | undefined {
    const interim: { status: number; fields: ReadonlyMap<string, string> }[] = [];
    let at = 0;
    for (;;) {
      const head = parseHead(this.#received.subarray(at));
      if (head === null) return undefined;
      at += head.length;
      const { fields, startLine } = head;
      const status = Number(startLine.split(' ')[1]);
      if (status < 200) {
        interim.push({ status, fields });
        continue;
      }
      const rest = this.#received.subarray(at);
      const hasBody = this.#method !== 'HEAD' && status !== 204 && status !== 304;
      const isFramed = fields.has('transfer-encoding') || fields.has('content-length');
      const body = hasBody && isFramed ? parseBody(rest, fields) : null;
      const text = body?.bytes ?? (hasBody ? rest : Buffer.alloc(0));
      const answer: RawAnswer = {
        status,
        reason: startLine.split(' ').slice(2).join(' '),
        fields,
        interim,
        body: text.toString(),
        trailers: body?.trailers ?? [],
        // Without framing the end of the connection is the end of the body; a reset is none.
        isWhole: body?.isWhole ?? (!hasBody || this.#state === 'ended'),
        code: /"code":\s?"(\w+)"/.exec(text.toString())?.[1] ?? null,
      };
      return { answer, length: at + (body?.length ?? text.length) };
    }
  }

  /** Resolves when the connection has closed: in order, or by a reset. */
  closed(): Promise<'ended' | 'reset'> {
    return this.#signal.until(() => (this.#state === 'open' ? undefined : this.#state));
  }

  /** Leaves: in order (FIN, the other direction too), or by a reset. */
  leave(how: 'fin' | 'rst'): void {
    if (how === 'rst') this.socket.resetAndDestroy();
    else this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** A request in bytes; `fields` are whole lines. A body as a string or Buffer gets its content-length. */
export function rawRequest(
  path: string,
  body: string | Buffer | null = null,
  fields = '',
  method = 'POST',
): Buffer {
  const length = body === null ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nhost: gateway\r\n${length}${fields}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body ?? '')]);
}

/** A chat request to model `m` in bytes; `more` goes into the JSON, `fields` are whole lines. */
export function rawChat(more: object = {}, fields = ''): Buffer {
  const body = JSON.stringify({ model: 'm', messages: [], ...more });
  return rawRequest('/v1/chat/completions', body, `content-type: application/json\r\n${fields}`);
}
