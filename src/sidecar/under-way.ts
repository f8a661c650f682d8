/** Requests that the app has or that wait for it, counted so that the end of a process can wait for them. */
export class UnderWay {
  #count = 0;
  #upgraded = 0;
  #onChange: (() => void) | null = null;

  /** All of them. */
  get count(): number {
    return this.#count;
  }

  /** Those that were upgraded to another protocol, and end when they please. */
  get upgraded(): number {
    return this.#upgraded;
  }

  enter(): void {
    this.#count++;
  }

  upgrade(): void {
    this.#upgraded++;
    this.#onChange?.();
  }

  leave(wasUpgraded: boolean): void {
    this.#count--;
    if (wasUpgraded) this.#upgraded--;
    this.#onChange?.();
  }

  /** Resolves when all but the upgraded have ended. */
  async untilPlainOnesEnd(): Promise<void> {
    await this.#until(() => this.#count <= this.#upgraded);
  }

  /** Resolves when all have ended. */
  async untilAllEnd(): Promise<void> {
    await this.#until(() => this.#count === 0);
  }

  #until(isDone: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        if (!isDone()) return;
        this.#onChange = null;
        resolve();
      };
      this.#onChange();
    });
  }
}
