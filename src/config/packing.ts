import type { GpuBudget, Needs } from '../core/room.ts';

/** What replicas are packed into. */
export interface PackingRoom {
  readonly gpus: readonly GpuBudget[];
  /** null: no limit. */
  readonly hostBytes: number | null;
}

/** After so many tries it is not known whether all fit: an operator who packs that tightly is believed. */
const maxTries = 20_000;

/** Whether these replicas fit beside each other. Pure; true also where that is too hard to tell. */
export function fitTogether(replicas: readonly Needs[], { gpus, hostBytes }: PackingRoom): boolean {
  const takenBytes = replicas.reduce((sum, needs) => sum + needs.hostBytes, 0);
  if (hostBytes !== null && takenBytes > hostBytes) return false;
  const sizeOf = ({ memoryBytes }: Needs) => memoryBytes ?? Number.MAX_SAFE_INTEGER;
  const largestFirst = replicas
    .filter((needs) => needs.gpus > 0)
    .toSorted((a, b) => b.gpus - a.gpus || sizeOf(b) - sizeOf(a));
  return new Packing(gpus).fits(largestFirst);
}

/** One replica of which GPUs are still to be chosen, from `from` on. */
interface Part {
  readonly needs: Needs;
  readonly left: number;
  readonly from: number;
}

/** Tries one way after the other. */
class Packing {
  readonly #gpus: readonly GpuBudget[];
  readonly #freeBytes: number[];
  readonly #users: number[];
  #tries = 0;

  constructor(gpus: readonly GpuBudget[]) {
    this.#gpus = gpus;
    this.#freeBytes = gpus.map(({ memoryBytes }) => memoryBytes);
    this.#users = gpus.map(() => 0);
  }

  fits([first, ...rest]: readonly Needs[]): boolean {
    if (first === undefined || ++this.#tries > maxTries) return true;
    return this.#place({ needs: first, left: first.gpus, from: 0 }, rest);
  }

  #place({ needs, left, from }: Part, rest: readonly Needs[]): boolean {
    if (left === 0) return this.fits(rest);
    const seen = new Set<string>();
    for (let at = from; at <= this.#gpus.length - left; at++) {
      const { pool, memoryBytes } = this.#gpus[at]!;
      const beforeBytes = this.#freeBytes[at]!;
      // Of GPUs that are alike, one is as good as another.
      const kind = `${pool} ${memoryBytes} ${beforeBytes} ${this.#users[at]}`;
      if (seen.has(kind) || !this.#takes(needs, at)) continue;
      seen.add(kind);
      this.#freeBytes[at] = needs.memoryBytes === null ? 0 : beforeBytes - needs.memoryBytes;
      this.#users[at]!++;
      if (this.#place({ needs, left: left - 1, from: at + 1 }, rest)) return true;
      this.#freeBytes[at] = beforeBytes;
      this.#users[at]!--;
    }
    return false;
  }

  #takes({ memoryBytes, pool }: Needs, at: number): boolean {
    if (pool !== null && this.#gpus[at]!.pool !== pool) return false;
    return memoryBytes === null ? this.#users[at] === 0 : this.#freeBytes[at]! >= memoryBytes;
  }
}
