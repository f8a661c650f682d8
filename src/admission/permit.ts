import type { Replica } from './replica.ts';

/** The right to one slot of one replica, until it is released. */
export class Permit {
  readonly #replica: Replica;
  #onRelease: ((replica: Replica) => void) | null;

  constructor(replica: Replica, onRelease: (replica: Replica) => void) {
    this.#replica = replica;
    this.#onRelease = onRelease;
  }

  get replicaId(): string {
    return this.#replica.id;
  }

  /** `http://host:port`. */
  get origin(): string {
    return this.#replica.origin;
  }

  /** Gives the slot back; further calls do nothing. */
  release(): void {
    const onRelease = this.#onRelease;
    this.#onRelease = null;
    onRelease?.(this.#replica);
  }
}
