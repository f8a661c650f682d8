import type { Needs } from '../core/room.ts';

/** What was learned is not exact: a cache grows a little, a driver counts in large pieces. */
const headroom = 1.05;
const mebibyte = 1024 ** 2;

/** How much memory of a GPU models took at most, each by a name of the caller's. Lost when the process ends. */
export class PeakMemory {
  /** Of a replica that starts: how much it will take is not known yet. */
  readonly #seen = new Map<string, number>();
  readonly #known = new Map<string, number>();

  /** A replica of this model was seen to hold so much on one of its GPUs; `isReady`: it has loaded what it loads. */
  observe(key: string, bytes: number, isReady: boolean): void {
    const most = Math.max(bytes, this.#seen.get(key) ?? 0);
    this.#seen.set(key, most);
    if (isReady && most > 0) this.#known.set(key, Math.max(most, this.#known.get(key) ?? 0));
  }

  /** It was not enough: until it is seen again, a whole GPU is. */
  forget(key: string): void {
    this.#seen.delete(key);
    this.#known.delete(key);
  }

  /** The most that was seen, in bytes; null: nothing is known. */
  peakBytes(key: string): number | null {
    return this.#known.get(key) ?? null;
  }

  /** With what is known of the memory, and a little more. */
  fill(key: string, needs: Needs): Needs {
    const peak = this.peakBytes(key);
    if (peak === null) return needs;
    return { ...needs, memoryBytes: Math.ceil((peak * headroom) / mebibyte) * mebibyte };
  }
}
