import type { ReplicaTime } from './ledger.ts';

/** What became of the requests that count, and what the replicas did meanwhile. */
export interface Figures {
  readonly requests: number;
  /** Those that found no replica which takes requests. */
  readonly coldRequests: number;
  /** Of `requests`; 0 where there are none. */
  readonly coldShare: number;
  readonly refused: number;
  /** Replicas that were started. */
  readonly starts: number;
  /** From arrival to a slot, in milliseconds; null: nobody was served. */
  readonly waitMs: {
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
  } | null;
  readonly replicaHours: { readonly busy: number; readonly idle: number; readonly loading: number };
  /** Of all replica-hours; null: no price was given. */
  readonly cost: number | null;
}

/** What figures are made of. */
export interface FiguresInput {
  /** In milliseconds, one for each request that was served; sorted in place. */
  readonly waitsMs: Float64Array;
  readonly coldRequests: number;
  readonly refused: number;
  readonly starts: number;
  readonly time: ReplicaTime;
  /** Of a replica-hour; null: none. */
  readonly price: number | null;
}

const msPerHour = 3_600_000;

/** Pure but for the order of `waitsMs`. Quantiles are nearest ranks: the smallest wait that at least that share has. */
export function figuresOf({ waitsMs, coldRequests, refused, starts, time, price }: FiguresInput): Figures {
  const requests = waitsMs.length + refused;
  const replicaHours = {
    busy: rounded(time.busyMs / msPerHour),
    idle: rounded(time.idleMs / msPerHour),
    loading: rounded(time.loadingMs / msPerHour),
  };
  const hours = (time.busyMs + time.idleMs + time.loadingMs) / msPerHour;
  return {
    requests,
    coldRequests,
    coldShare: requests === 0 ? 0 : rounded(coldRequests / requests),
    refused,
    starts,
    waitMs: waitsOf(waitsMs),
    replicaHours,
    cost: price === null ? null : rounded(hours * price),
  };
}

function waitsOf(waitsMs: Float64Array): Figures['waitMs'] {
  const count = waitsMs.length;
  if (count === 0) return null;
  const sorted = waitsMs.sort();
  const at = (share: number) => rounded(sorted[Math.max(0, Math.ceil(share * count) - 1)]!);
  const mean = sorted.reduce((sum, ms) => sum + ms, 0) / count;
  return { mean: rounded(mean), p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** To nine decimals, a hundredth of a millisecond in hours: no digits that are only noise of the sum. */
function rounded(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
