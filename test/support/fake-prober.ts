import type { ProbeResult, Prober, ReadySpec, WarmUpSpec } from '../../src/core/prober.ts';

/** A Prober that answers at once what the test set for all, or for one origin; it counts overlapping probes. */
export class FakeProber implements Prober {
  state: ProbeResult['state'] = 'unreachable';
  readonly stateByOrigin = new Map<string, ProbeResult['state']>();
  /** How many probes were made. */
  count = 0;
  /** The most that ran at once against one origin. */
  peak = 0;
  /** While true, probes hang until they are aborted or `release` is called. */
  isHanging = false;
  /** Origins that were warmed, in order. */
  readonly warmed: string[] = [];
  /** What a warm-up comes to: null: it is answered. */
  warmUpFailure: string | null = null;
  /** While true, warm-ups hang until they are aborted or `release` is called. */
  isWarmingHanging = false;
  readonly #running = new Map<string, number>();
  #releases: (() => void)[] = [];

  get pending(): number {
    return [...this.#running.values()].reduce((sum, count) => sum + count, 0);
  }

  async probe(origin: string, _ready: ReadySpec, signal: AbortSignal): Promise<ProbeResult> {
    this.count++;
    const running = (this.#running.get(origin) ?? 0) + 1;
    this.#running.set(origin, running);
    this.peak = Math.max(this.peak, running);
    try {
      if (this.isHanging) await this.#hang(signal);
      else await Promise.resolve();
      const state = this.stateByOrigin.get(origin) ?? this.state;
      return { state, detail: `GET /health: ${state}` };
    } finally {
      this.#running.set(origin, (this.#running.get(origin) ?? 1) - 1);
    }
  }

  async warm(origin: string, _warmUp: WarmUpSpec, signal: AbortSignal): Promise<string | null> {
    this.warmed.push(origin);
    if (this.isWarmingHanging) await this.#hang(signal);
    return this.warmUpFailure;
  }

  release(): void {
    this.isHanging = false;
    this.isWarmingHanging = false;
    for (const release of this.#releases.splice(0)) release();
  }

  #hang(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#releases.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
}
