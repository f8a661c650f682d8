/** The middle value; the mean of the two middle ones for an even count; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** One number per round and target, for each figure of a scenario. Round n of two targets were taken side by side. */
export class Samples {
  readonly #byFigure = new Map<string, Map<string, number[]>>();

  add(figure: string, target: string, value: number): void {
    const byTarget = this.#byFigure.get(figure) ?? new Map<string, number[]>();
    this.#byFigure.set(figure, byTarget);
    const values = byTarget.get(target) ?? [];
    byTarget.set(target, values);
    values.push(value);
  }

  figures(): string[] {
    return [...this.#byFigure.keys()];
  }

  of(figure: string, target: string): readonly number[] {
    return this.#byFigure.get(figure)?.get(target) ?? [];
  }

  /** The figure of one target over that of another, round by round. */
  ratios(figure: string, target: string, reference: string): number[] {
    const references = this.of(figure, reference);
    return this.of(figure, target).flatMap((value, round) => {
      const divisor = references[round];
      return divisor === undefined || divisor === 0 ? [] : [value / divisor];
    });
  }
}
