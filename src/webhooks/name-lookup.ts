import type { LookupAddress } from 'node:dns';

/** All addresses of a name. */
export type LookUp = (host: string) => Promise<readonly LookupAddress[]>;

/**
 * Looks names up by `lookUp`, at most `most` at once and a name by one look at a time: the system's resolver blocks a thread of
 * the pool that files are read by, and a name server that does not answer holds it for many seconds.
 */
export class NameLookup {
  readonly #lookUp: LookUp;
  readonly #most: number;
  readonly #running = new Map<string, Promise<readonly LookupAddress[]>>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(lookUp: LookUp, most: number) {
    this.#lookUp = lookUp;
    this.#most = most;
  }

  /** Rejects as `lookUp` does. */
  resolve(host: string): Promise<readonly LookupAddress[]> {
    const running = this.#running.get(host);
    if (running !== undefined) return running;
    const started = this.#run(host).finally(() => this.#running.delete(host));
    this.#running.set(host, started);
    return started;
  }

  async #run(host: string): Promise<readonly LookupAddress[]> {
    if (this.#busy < this.#most) this.#busy++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await this.#lookUp(host);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }
}
