import { Upstreams, type UpstreamsOptions } from './upstreams.ts';

/** The connections of one revision under its settings of the moment, and those made under earlier ones. */
export class UpstreamTurns {
  /** They close by themselves what falls idle. */
  readonly #former: Upstreams[] = [];
  #current: Upstreams;

  constructor(options: UpstreamsOptions) {
    this.#current = new Upstreams(options);
  }

  get current(): Upstreams {
    return this.#current;
  }

  /** Open connections of all of them. */
  get connections(): number {
    return this.#former.reduce((sum, { connections }) => sum + connections, this.#current.connections);
  }

  /** Requests from now on get connections made with these options; those that run keep theirs. */
  renew(options: UpstreamsOptions): void {
    this.#former.push(this.#current);
    this.#current = new Upstreams(options);
  }

  async close(): Promise<void> {
    await Promise.all([this.#current, ...this.#former].map((upstreams) => upstreams.close()));
  }
}
