/** Who is told what the app's answers say of its readiness. */
export interface LoadingListener {
  /** It answered a 503 with the text. */
  noteLoading(): void;
  /** It answered otherwise. */
  noteServed(): void;
}

/** Such a message is short; what comes later in a body is not looked at. */
const maxBytes = 4096;

/** Hears in one answer of the app whether it says that it is still loading, however the text is cut into pieces. */
export class LoadingEar {
  readonly #text: string;
  readonly #listener: LoadingListener;
  /** What was heard of a 503; null: it is none, or all is told. */
  #heard: string | null = null;

  constructor(text: string, listener: LoadingListener) {
    this.#text = Buffer.from(text).toString('latin1');
    this.#listener = listener;
  }

  onHead(status: number): void {
    if (status === 503) this.#heard = '';
    else this.#listener.noteServed();
  }

  /** Bytes of the body; they may change afterwards. */
  onBytes(bytes: Buffer): void {
    if (this.#heard === null) return;
    this.#heard += bytes.toString('latin1', 0, maxBytes - this.#heard.length);
    if (this.#heard.includes(this.#text)) this.#listener.noteLoading();
    else if (this.#heard.length < maxBytes) return;
    this.#heard = null;
  }
}
