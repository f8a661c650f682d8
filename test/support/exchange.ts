import { type ClientRequest, type IncomingMessage, request } from 'node:http';

/** Header fields to send besides content-type and content-length. */
export type SentHeaders = Readonly<Record<string, string>>;

/** One request over a connection of its own, and what has come of its answer so far. */
export class Exchange {
  /** The body so far. */
  text = '';
  /** The head, once it is there; rejects when the connection ends without one. */
  readonly head: Promise<IncomingMessage>;
  /** `whole`: the body ended as its framing says; `cut`: the connection ended before. */
  readonly end: Promise<'whole' | 'cut'>;
  readonly #request: ClientRequest;
  #hasEnded = false;
  #onChange: (() => void)[] = [];

  /** Sends `body` as JSON with POST. */
  constructor(url: string, body: object, headers: SentHeaders = {}) {
    const text = JSON.stringify(body);
    const length = String(Buffer.byteLength(text));
    const head = Promise.withResolvers<IncomingMessage>();
    const end = Promise.withResolvers<'whole' | 'cut'>();
    this.head = head.promise;
    this.end = end.promise;
    // Who awaits only one of the two is not to be told of the other.
    this.head.catch(() => undefined);
    this.#request = request(url, {
      method: 'POST',
      agent: false,
      // Said aloud, or Node asks for the connection to be closed.
      headers: {
        connection: 'keep-alive',
        'content-type': 'application/json',
        'content-length': length,
        ...headers,
      },
    });
    const finish = (how: 'whole' | 'cut') => {
      this.#hasEnded = true;
      end.resolve(how);
      this.#changed();
    };
    this.#request.on('error', (error) => {
      head.reject(error);
      finish('cut');
    });
    this.#request.once('response', (res) => {
      head.resolve(res);
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        this.text += chunk;
        this.#changed();
      });
      res.on('error', () => undefined);
      res.once('close', () => finish(res.complete ? 'whole' : 'cut'));
    });
    this.#request.end(text);
  }

  /** Resolves with the body so far once `pattern` is in it; rejects when the answer ends without. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.#hasEnded) throw new Error(`ended before ${pattern}: ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => this.#onChange.push(resolve));
    }
    return this.text;
  }

  /** The whole answer: how it ended, its status, fields and body. */
  async whole() {
    const { statusCode: status, headers } = await this.head;
    const end = await this.end;
    return { end, status, headers, text: this.text };
  }

  /** The client goes. */
  abort(): void {
    this.#request.destroy();
  }

  #changed(): void {
    for (const resolve of this.#onChange.splice(0)) resolve();
  }
}
