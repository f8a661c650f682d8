/** A count that only grows. */
export class CounterSeries {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  add(count: number): void {
    this.#value += count;
  }
}

/** Durations, sorted into buckets: taken in milliseconds, whatever unit they are printed in. */
export class DurationSeries {
  readonly #boundsMs: Float64Array;
  /** Per bucket how many fell into it, then how many were above all bounds, then the sum in milliseconds. */
  readonly #cells: Float64Array;

  /** `boundsMs` ascend; a duration belongs to the first that is not below it. */
  constructor(boundsMs: Float64Array) {
    this.#boundsMs = boundsMs;
    this.#cells = new Float64Array(boundsMs.length + 2);
  }

  /** Takes one duration in some 20 ns, and allocates nothing. */
  observe(ms: number): void {
    const bounds = this.#boundsMs;
    const cells = this.#cells;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ms <= bounds[middle]!) high = middle;
      else low = middle + 1;
    }
    cells[low]! += 1;
    cells[bounds.length + 1]! += ms;
  }

  /** How many were at most each bound, then how many there were. */
  cumulated(): number[] {
    let count = 0;
    return Array.from(this.#cells.subarray(0, -1), (cell) => {
      count += cell;
      return count;
    });
  }

  /** How many there were. */
  get count(): number {
    return this.#cells.subarray(0, -1).reduce((sum, cell) => sum + cell, 0);
  }

  get sumMs(): number {
    return this.#cells.at(-1)!;
  }
}
