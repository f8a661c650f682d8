import type { Cancel, Clock } from '../../core/clock.ts';
import type { ScaleApi } from './scale-api.ts';

/** What the subresource `scale` said. */
export type ScaleReading = Awaited<ReturnType<ScaleApi['read']>>;

/** What a ScaleReader works with. */
export interface ScaleReaderOptions {
  readonly api: Pick<ScaleApi, 'read'>;
  readonly clock: Clock;
  onRead(scale: ScaleReading): void;
  /** It is read again after a second. */
  onFailed(error: unknown): void;
  readonly signal: AbortSignal;
}

const timeoutMs = 10_000;
const retryMs = 1_000;

/** Reads the scale of an object of a kind whose count and selector stand anywhere, after its changes; one call at a time. */
export class ScaleReader {
  readonly #options: ScaleReaderOptions;
  /** Of the object, as it was seen last. */
  #version = '';
  #isReading = false;
  #cancelRetry: Cancel | null = null;

  constructor(options: ScaleReaderOptions) {
    this.#options = options;
  }

  /** The object is at this version now. */
  look(version: string): void {
    if (version === this.#version) return;
    this.#version = version;
    if (!this.#isReading && this.#cancelRetry === null) void this.#read();
  }

  /** No retry is made. */
  close(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    const { api, clock, signal } = this.#options;
    this.#isReading = true;
    try {
      for (let version = ''; version !== this.#version; ) {
        version = this.#version;
        this.#options.onRead(await api.read({ timeoutMs, signal }));
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#cancelRetry = clock.setTimer(clock.nowMs() + retryMs, () => {
        this.#cancelRetry = null;
        void this.#read();
      });
      this.#options.onFailed(error);
    } finally {
      this.#isReading = false;
    }
  }
}
