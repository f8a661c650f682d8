import { parseDuration } from '../config/quantities.ts';

/** A duration that is fixed, or drawn anew each time by its quantiles. */
export interface Spread {
  /** As it was written: `22.7s`. */
  readonly text: string;
  readonly longestMs: number;
  /** Whole milliseconds at `share` (from 0 up to 1) of all: linear between quantiles, the outer ones beyond them. */
  at(share: number): number;
}

interface Quantile {
  readonly share: number;
  readonly ms: number;
}

const example = '22.7s or 1%:1.5s,50%:22.7s,99%:51.9s';

/** Reads `22.7s`, or quantiles: `1%:1.5s,50%:22.7s,99%:51.9s`. Throws an Error of one line. */
export function parseSpread(text: string): Spread {
  const fixedMs = parseDuration(text);
  const quantiles = fixedMs === null ? text.split(',').map(parseQuantile) : [{ share: 0.5, ms: fixedMs }];
  for (const [index, { share, ms }] of quantiles.entries()) {
    const before = quantiles[index - 1];
    if (before !== undefined && (share <= before.share || ms < before.ms))
      throw new Error(`"${text}": quantiles must rise, in their shares and in their durations`);
  }
  return { text, longestMs: quantiles.at(-1)!.ms, at: (share) => valueAt(quantiles, share) };
}

function parseQuantile(text: string): Quantile {
  const [, percent, duration] = /^\s*(\d+(?:\.\d+)?)%:(\S+)\s*$/.exec(text) ?? [];
  const ms = duration === undefined ? null : parseDuration(duration);
  if (ms === null || Number(percent) > 100)
    throw new Error(`"${text}" is neither a duration nor a quantile, as in ${example}`);
  return { share: Number(percent) / 100, ms };
}

function valueAt(quantiles: readonly Quantile[], share: number): number {
  const above = quantiles.findIndex((quantile) => quantile.share >= share);
  if (above === 0) return quantiles[0]!.ms;
  if (above === -1) return quantiles.at(-1)!.ms;
  const low = quantiles[above - 1]!;
  const high = quantiles[above]!;
  return Math.round(low.ms + ((high.ms - low.ms) * (share - low.share)) / (high.share - low.share));
}
