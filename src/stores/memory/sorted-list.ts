/** Largest piece; two pieces of half of it are made of a full one. */
const pieceSize = 512;

/**
 * Values in order, each once: to add, to find and to take out cost the size of a piece, not of the list. `compare` must order any
 * two different values strictly; two that compare as 0 are the same.
 */
export class SortedList<T> {
  /** None is empty. */
  readonly #pieces: T[][] = [];
  readonly #compare: (a: T, b: T) => number;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  first(): T | undefined {
    return this.#pieces[0]?.[0];
  }

  /** Adds a value that is not in it. */
  add(value: T): void {
    const [at, within] = this.#place(value);
    const piece = this.#pieces[at];
    if (!piece) {
      const last = this.#pieces.at(-1);
      if (last && last.length < pieceSize) last.push(value);
      else this.#pieces.push([value]);
      return;
    }
    piece.splice(within, 0, value);
    if (piece.length > pieceSize) this.#pieces.splice(at + 1, 0, piece.splice(pieceSize / 2));
  }

  /** Takes a value out; one that is not in it is no error. */
  delete(value: T): void {
    const [at, within] = this.#place(value);
    const piece = this.#pieces[at];
    const found = piece?.[within];
    if (!piece || found === undefined || this.#compare(found, value) !== 0) return;
    piece.splice(within, 1);
    if (piece.length === 0) this.#pieces.splice(at, 1);
  }

  /** In order; those that come after `after`, which need not be in it. The list must not change meanwhile. */
  *values(after?: T): Generator<T> {
    const [from, start] = after === undefined ? [0, 0] : this.#place(after);
    for (let at = from; at < this.#pieces.length; at++) {
      const piece = this.#pieces[at]!;
      for (let within = at === from ? start : 0; within < piece.length; within++) {
        const value = piece[within]!;
        if (after === undefined || this.#compare(value, after) !== 0) yield value;
      }
    }
  }

  /** Index of the piece and within it of the first value that is not before this one; past the last piece: all are. */
  #place(value: T): [piece: number, within: number] {
    const at = firstIndex(this.#pieces, (piece) => this.#compare(piece.at(-1)!, value) >= 0);
    const piece = this.#pieces[at];
    return [at, piece ? firstIndex(piece, (other) => this.#compare(other, value) >= 0) : 0];
  }
}

/** Index of the first of which it holds, where it holds of all that follow it too; their length where it holds of none. */
function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
