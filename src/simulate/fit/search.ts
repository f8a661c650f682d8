/** Where in a list, in which one figure falls and another rises, something begins to hold. */
export interface Search {
  /** How many there are to choose from. */
  readonly count: number;
  /** False up to a place and true from there on; asked for few of them. */
  isEnough(at: number): Promise<boolean>;
}

/** The first place that is enough, by halving; `count` where none is. */
export async function firstEnough({ count, isEnough }: Search): Promise<number> {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await isEnough(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
