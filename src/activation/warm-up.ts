import type { ReplicaStatus } from '../core/driver.ts';
import type { ReplicaHost } from './replica-host.ts';

/** The request by which one replica is warmed before it takes others. One at a time, and none after one has ended. */
export class WarmUp {
  readonly #host: ReplicaHost;
  readonly #onEnd: (failure: string | null) => void;
  #running: AbortController | null = null;
  #hasEnded = false;

  /** `onEnd` when it was answered, or with what went wrong, in one line; not after `stop`. */
  constructor(host: ReplicaHost, onEnd: (failure: string | null) => void) {
    this.#host = host;
    this.#onEnd = onEnd;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Sends it; false: none is asked for, it was made already, or it might come to another replica. */
  begin({ origin, isShared = false }: ReplicaStatus): boolean {
    const { ready } = this.#host.settings();
    if (ready.warmUp === undefined || this.#hasEnded || origin === null || isShared) return false;
    const controller = new AbortController();
    this.#running = controller;
    const end = (failure: string | null) => {
      if (this.#running !== controller) return;
      this.#running = null;
      this.#hasEnded = true;
      this.#onEnd(failure);
    };
    this.#host.prober
      .warm(origin, ready.warmUp, controller.signal)
      .then(end, (error: unknown) => end(String(error)));
    return true;
  }

  stop(): void {
    this.#running?.abort();
    this.#running = null;
  }
}
