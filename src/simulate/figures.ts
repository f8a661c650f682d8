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
  /** Replicas that went for another model's sake. */
  readonly evictions: number;
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

/** What a ledger tells. */
interface Ledgered extends ReplicaTime {
  readonly starts: number;
  readonly evictions: number;
}

const msPerHour = 3_600_000;

/** The requests of one model, or of all, that count. */
export class Counts {
  readonly ledger: Ledgered;
  coldRequests = 0;
  refused = 0;
  #served = 0;
  readonly #waitsMs: Float64Array;

  /** `capacity`: the most requests that will be added. */
  constructor(ledger: Ledgered, capacity: number) {
    this.ledger = ledger;
    this.#waitsMs = new Float64Array(capacity);
  }

  /** Of those that were served, in milliseconds. */
  get waitsMs(): Float64Array {
    return this.#waitsMs.subarray(0, this.#served);
  }

  /** `waitMs` NaN: it was refused. */
  add(waitMs: number, isCold: boolean): void {
    if (isCold) this.coldRequests++;
    if (Number.isNaN(waitMs)) this.refused++;
    else this.#waitsMs[this.#served++] = waitMs;
  }

  /** Takes those of another as well. */
  addAll({ coldRequests, refused, waitsMs }: Counts): void {
    this.coldRequests += coldRequests;
    this.refused += refused;
    this.#waitsMs.set(waitsMs, this.#served);
    this.#served += waitsMs.length;
  }

  /** `price` of a replica-hour; null: none. Sorts `waitsMs`. Quantiles are nearest ranks: the smallest wait that at least that share has. */
  figures(price: number | null): Figures {
    const { busyMs, idleMs, loadingMs, starts, evictions } = this.ledger;
    const requests = this.#served + this.refused;
    const hours = (busyMs + idleMs + loadingMs) / msPerHour;
    return {
      requests,
      coldRequests: this.coldRequests,
      coldShare: requests === 0 ? 0 : rounded(this.coldRequests / requests),
      refused: this.refused,
      starts,
      evictions,
      waitMs: waitsOf(this.waitsMs),
      replicaHours: {
        busy: rounded(busyMs / msPerHour),
        idle: rounded(idleMs / msPerHour),
        loading: rounded(loadingMs / msPerHour),
      },
      cost: price === null ? null : rounded(hours * price),
    };
  }
}

/** All of them together. */
export function sumOf(all: readonly Counts[]): Counts {
  const add = (of: (ledger: Ledgered) => number) => all.reduce((sum, { ledger }) => sum + of(ledger), 0);
  const ledger = {
    busyMs: add(({ busyMs }) => busyMs),
    idleMs: add(({ idleMs }) => idleMs),
    loadingMs: add(({ loadingMs }) => loadingMs),
    starts: add(({ starts }) => starts),
    evictions: add(({ evictions }) => evictions),
  };
  const capacity = all.reduce((count, { waitsMs }) => count + waitsMs.length, 0);
  const sum = new Counts(ledger, capacity);
  for (const one of all) sum.addAll(one);
  return sum;
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
