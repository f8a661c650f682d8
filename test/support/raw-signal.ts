/** Lets tests wait for a condition that changes only when `tell` is called. */
export class Signal {
  readonly #waiting = new Set<() => void>();

  /** Something changed. */
  tell(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves with what `look` returns as soon as that is not undefined; rejects with what it throws. */
  until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const tryIt = () => {
        try {
          const found = look();
          if (found === undefined) return;
          this.#waiting.delete(tryIt);
          resolve(found);
        } catch (error) {
          this.#waiting.delete(tryIt);
          reject(error);
        }
      };
      this.#waiting.add(tryIt);
      tryIt();
    });
  }
}
