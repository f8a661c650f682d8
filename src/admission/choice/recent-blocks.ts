/** The block hashes a replica saw last, as a guess at its prefix cache: an LRU. */
export class RecentBlocks {
  readonly #maxBlocks: number;
  readonly #blocks = new Set<number | string>();

  constructor(maxBlocks: number) {
    this.#maxBlocks = maxBlocks;
  }

  /** How many blocks from the start of the chain are here. */
  matchOf(chain: readonly (number | string)[]): number {
    let count = 0;
    while (count < chain.length && this.#blocks.has(chain[count]!)) count++;
    return count;
  }

  /** Makes the chain the most recent; its start last, since a later block is worth nothing without the earlier. */
  add(chain: readonly (number | string)[]): void {
    for (let i = chain.length - 1; i >= 0; i--) {
      this.#blocks.delete(chain[i]!);
      this.#blocks.add(chain[i]!);
    }
    for (const oldest of this.#blocks) {
      if (this.#blocks.size <= this.#maxBlocks) break;
      this.#blocks.delete(oldest);
    }
  }
}
