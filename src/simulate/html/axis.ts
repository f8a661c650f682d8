/** Values along an edge of a plot. */
export interface Axis {
  readonly ticks: readonly number[];
  /** From 0 (first end) to 1 (last end); what lies outside is put at the end. */
  at(value: number): number;
}

const steps = [1, 2, 5, 10];

/** From 0 to a round number that is not below the largest value. */
export function linearAxis(largest: number, parts = 5): Axis {
  const rough = (largest > 0 ? largest : 1) / parts;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * (steps.find((one) => one * decade >= rough * (1 - 1e-9)) ?? 10);
  const count = Math.max(1, Math.ceil((largest > 0 ? largest : 1) / step - 1e-9));
  const ticks = Array.from({ length: count + 1 }, (_, at) => rounded(at * step));
  return { ticks, at: (value) => clamped(value / (step * count)) };
}

/** Equal distances are equal ratios: from the 1, 2 or 5 of a decade below the least to the one above the largest. Values must be above 0. */
export function logAxis(least: number, largest: number): Axis {
  const all: number[] = [];
  for (let decade = Math.floor(Math.log10(least)) - 1; decade <= Math.ceil(Math.log10(largest)) + 1; decade++)
    for (const step of steps.slice(0, -1)) all.push(rounded(step * 10 ** decade));
  const first = all.findLastIndex((tick) => tick <= least);
  const last = all.findIndex((tick) => tick >= largest && tick > (all[first] ?? 0));
  const ticks = all.slice(first, last + 1);
  const from = Math.log(ticks[0]!);
  const span = Math.log(ticks.at(-1)!) - from;
  return { ticks, at: (value) => clamped((Math.log(value) - from) / span) };
}

function clamped(share: number): number {
  return Math.min(1, Math.max(0, share));
}

function rounded(value: number): number {
  return Number(value.toPrecision(9));
}
