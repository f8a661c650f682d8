import type { Clock } from '../core/clock.ts';
import type { GateControl } from '../core/gate.ts';
import type { LoadGauge } from '../core/load-gauge.ts';
import type { FirstTokenTotals, SignalReadings, SignalSettings } from '../core/signals.ts';
import { BackendWatch } from './backend-watch.ts';
import type { Fleet } from './fleet.ts';
import type { ActivationSettings } from './settings.ts';

/** Where the signals come from. */
export interface SignalFeedOptions {
  readonly gate: GateControl;
  readonly clock: Clock;
  readonly fleet: Fleet;
  /** null: nobody can be asked. */
  readonly gauge?: LoadGauge | null;
  /** Sums over streamed answers; absent: nobody measures them. */
  firstTokens?(): FirstTokenTotals;
  settings(): ActivationSettings;
  /** True while nothing is decided: nobody is asked. */
  isHeld(): boolean;
}

/** Collects what the settings name of a revision's signals, and nothing where they name none. */
export class SignalFeed {
  readonly #options: SignalFeedOptions;
  readonly #backends: BackendWatch | null;

  /** `onReading`: something new is to be seen. */
  constructor(options: SignalFeedOptions, onReading: () => void) {
    this.#options = options;
    const { gauge, clock, fleet } = options;
    const asked = () => (this.#asksBackends && !options.isHeld() ? fleet.list.in('ready') : []);
    this.#backends = gauge ? new BackendWatch({ gauge, clock, asked, onReading }) : null;
  }

  /** What belongs to an observation of this moment. */
  observed(): { readonly signals?: SignalReadings } {
    const settings = this.#settings;
    if (settings === undefined) return {};
    const { gate, firstTokens } = this.#options;
    return {
      signals: {
        oldestWaitMs: settings.queueDelayMs === null ? 0 : gate.oldestWaitMs,
        firstTokens: settings.firstTokenMs === null ? null : (firstTokens?.() ?? null),
        backends: this.#backends?.readings ?? [],
      },
    };
  }

  /** The replicas or the settings changed. */
  update(): void {
    this.#backends?.update();
  }

  close(): void {
    this.#backends?.close();
  }

  get #settings(): SignalSettings | undefined {
    return this.#options.settings().scale.signals;
  }

  get #asksBackends(): boolean {
    const { waiting = null, running = null, kvCache = null } = this.#settings?.backend ?? {};
    return (waiting ?? running ?? kvCache) !== null;
  }
}
