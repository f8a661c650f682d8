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

/** Amounts, sorted into buckets, in whatever unit the bounds are. */
export class HistogramSeries {
  readonly #bounds: Float64Array;
  /** Per bucket how many fell into it, then how many were above all bounds, then the sum. */
  readonly #cells: Float64Array;

  /** `bounds` ascend; an amount belongs to the first that is not below it. */
  constructor(bounds: Float64Array) {
    this.#bounds = bounds;
    this.#cells = new Float64Array(bounds.length + 2);
  }

  /** Takes one amount in some 20 ns, and allocates nothing. */
  observe(amount: number): void {
    const bounds = this.#bounds;
    const cells = this.#cells;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (amount <= bounds[middle]!) high = middle;
      else low = middle + 1;
    }
    cells[low]! += 1;
    cells[bounds.length + 1]! += amount;
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

  get sum(): number {
    return this.#cells.at(-1)!;
  }
}

/** Durations: taken in milliseconds, whatever unit they are printed in. */
export type DurationSeries = HistogramSeries;
