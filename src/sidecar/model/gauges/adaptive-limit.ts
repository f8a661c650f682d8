import type { Gate } from '../../../admission/gate.ts';
import { type Clock, systemClock } from '../../../core/clock.ts';
import type { LoadGauge } from '../../../core/load-gauge.ts';
import type { ModelFeatures, SidecarSettings } from '../../settings.ts';
import { firstLimit, isGivenUp, type LimitState, nextLimit, unlimitedBound } from './limit-rule.ts';

export interface AdaptiveLimitOptions {
  readonly adaptive: NonNullable<ModelFeatures['adaptive']>;
  readonly user: SidecarSettings['user'];
  /** CONTAINER_CONCURRENCY: what holds while the gauges cannot be read, and the most; 0 = none, and 1,000 is the most. */
  readonly concurrency: number;
  readonly gate: Pick<Gate, 'setLimit' | 'inFlight' | 'waiting'>;
  /** The gate's name for the app. */
  readonly replica: string;
  /** Whether the app can be asked now: one that sleeps is left alone. Default: always. */
  readonly isAwake?: () => boolean;
  /** Told of each change. Must not throw. */
  readonly onLimit?: (limit: number) => void;
  /** The gauges could not be read three times in a row, or can be again: told at the change. Must not throw. */
  readonly onReadable?: (isReadable: boolean) => void;
  /** Default: the app's metrics over HTTP, whose client is loaded with the first reading. */
  readonly gauge?: LoadGauge;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** Reads the app's gauges while it has requests, and sets the gate's limit by them (limit-rule.ts). */
export class AdaptiveLimit {
  readonly #options: AdaptiveLimitOptions;
  readonly #clock: Clock;
  readonly #bounds: { readonly bound: number; readonly maxWaiting: number };
  readonly #closing = new AbortController();
  readonly #loop: Promise<void>;
  #gauge: LoadGauge | null;
  #state: LimitState;

  /** Begins to read. */
  constructor(options: AdaptiveLimitOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#gauge = options.gauge ?? null;
    this.#bounds = {
      bound: options.concurrency || unlimitedBound,
      maxWaiting: options.adaptive.maxWaiting,
    };
    this.#state = firstLimit(this.#bounds);
    this.#loop = this.#run();
  }

  /** The limit that holds now; 0 = none. */
  get limit(): number {
    return isGivenUp(this.#state) ? this.#options.concurrency : this.#state.limit;
  }

  /** Stops reading; the limit stays as it is. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('closed'));
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { adaptive, gate, isAwake } = this.#options;
    gate.setLimit(this.#options.replica, this.limit);
    try {
      for (;;) {
        await this.#clock.sleep(adaptive.everyMs, signal);
        const isBusy = gate.inFlight + gate.waiting > 0;
        if (isBusy && (isAwake?.() ?? true)) await this.#read(signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { user, gate, adaptive, isAwake } = this.#options;
    this.#gauge ??= await createGauge(adaptive.path, this.#clock);
    const load = await this.#gauge.read(`http://${user.host}:${user.port}`, signal);
    // What fell asleep while it was asked was not asked.
    if (load === null && isAwake?.() === false) return;
    const before = { limit: this.limit, isReadable: !isGivenUp(this.#state) };
    const sight = { nowMs: this.#clock.nowMs(), load, inFlight: gate.inFlight };
    this.#state = nextLimit(this.#state, sight, this.#bounds);
    const isReadable = !isGivenUp(this.#state);
    if (isReadable !== before.isReadable) this.#options.onReadable?.(isReadable);
    if (this.limit === before.limit) return;
    gate.setLimit(this.#options.replica, this.limit);
    this.#options.onLimit?.(this.limit);
  }
}

async function createGauge(path: string, clock: Clock): Promise<LoadGauge> {
  const { createLoadGauge } = await import('../../../probe/load-gauge.ts');
  return createLoadGauge({ path, clock });
}
