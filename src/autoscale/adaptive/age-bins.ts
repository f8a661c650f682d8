/** Ages of an idle time in seconds, from its beginning; between two of them the rate of returns is taken as constant. */
const edgesS = [
  0, 5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1_200, 1_800, 2_700, 3_600, 5_400, 7_200,
  10_800, 14_400, 21_600, 43_200, 86_400, 172_800,
];

/** What recent demand says is learned apart for ages below these, in seconds. */
const groupEndsS = [60, 300, 1_200, 7_200, Number.POSITIVE_INFINITY];

/** A stretch of an idle time. */
export interface AgeBin {
  readonly index: number;
  readonly fromS: number;
  readonly toS: number;
  /** Index of the coarser stretch to which it belongs. */
  readonly group: number;
}

/** In order, without gaps, from 0 to two days. */
export const ageBins: readonly AgeBin[] = edgesS.slice(0, -1).map((fromS, index) => ({
  index,
  fromS,
  toS: edgesS[index + 1] ?? fromS,
  group: groupEndsS.findIndex((endS) => fromS < endS),
}));

export const ageGroupCount = groupEndsS.length;
