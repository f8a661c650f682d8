/** A pause after failures that doubles from one to the next, up to a longest one; a success ends it. */
export class Doubling {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #delayMs = 0;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
  }

  /** Milliseconds of the clock from which it may be tried. */
  get untilMs(): number {
    return this.#untilMs;
  }

  fail(nowMs: number): void {
    this.#delayMs = this.#delayMs === 0 ? this.#firstMs : Math.min(this.#longestMs, this.#delayMs * 2);
    this.#untilMs = nowMs + this.#delayMs;
  }

  succeed(): void {
    this.#delayMs = 0;
    this.#untilMs = Number.NEGATIVE_INFINITY;
  }
}
