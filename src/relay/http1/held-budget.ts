/** How many bytes the bodies of waiting requests may hold, over all of them. */
export class HeldBudget {
  readonly #maxBytes: number;
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Books what is here already; false: from now on nothing more should be read. */
  take(bytes: number): boolean {
    this.#heldBytes += bytes;
    return this.#heldBytes < this.#maxBytes;
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
