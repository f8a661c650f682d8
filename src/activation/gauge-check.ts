import { type LoadGauge, requestsIn } from '../core/load-gauge.ts';
import type { Replica } from './replica.ts';

/** What asks the gauges of those that are about to end. */
export interface GaugeCheckOptions {
  /** null: nobody is asked. */
  readonly gauge: LoadGauge | null;
  isAsked(): boolean;
  /** It runs requests that came past the gateway. */
  onBusy(replica: Replica, running: number): void;
  /** It may end. */
  onFree(): void;
}

/** Asks each replica that is about to end, once each time that it is, whether it works for clients past the gateway. */
export class GaugeCheck {
  readonly #options: GaugeCheckOptions;
  readonly #asking = new Map<string, AbortController>();
  readonly #free = new Set<string>();
  /** Those that end because they are surplus; only they are asked. */
  readonly #surplus = new Set<string>();

  constructor(options: GaugeCheckOptions) {
    this.#options = options;
  }

  /** These are to end for being surplus, or some of them and it is not known which; what they said before is old. */
  add(replicas: readonly Replica[]): void {
    for (const { id } of replicas) {
      this.forget(id);
      if (this.#options.gauge !== null && this.#options.isAsked()) this.#surplus.add(id);
    }
  }

  /** It is not to end any more, has ended, or ends whatever it runs. */
  forget(id: string): void {
    this.#surplus.delete(id);
    this.#free.delete(id);
    this.#asking.get(id)?.abort();
    this.#asking.delete(id);
  }

  /** Whether each of them may end now; asks all where that is not known, and tells when it is of one of them. */
  areFree(replicas: readonly Replica[]): boolean {
    return replicas.filter((replica) => !this.isFree(replica)).length === 0;
  }

  /** Whether it may end now; asks where that is not known, and tells when it is. */
  isFree(replica: Replica): boolean {
    const { id } = replica;
    const { gauge } = this.#options;
    const { origin } = replica.status;
    if (gauge === null || origin === null || !this.#surplus.has(id) || this.#free.has(id)) return true;
    if (this.#asking.has(id)) return false;
    const controller = new AbortController();
    this.#asking.set(id, controller);
    const told = (running: number | null) => {
      if (controller.signal.aborted) return;
      this.#asking.delete(id);
      if (running !== null && running > 0) return this.#options.onBusy(replica, running);
      this.#free.add(id);
      this.#options.onFree();
    };
    // A gauge that fails knows nothing.
    gauge.read(origin, controller.signal).then(
      (load) => told(requestsIn(load)),
      () => told(null),
    );
    return false;
  }

  close(): void {
    for (const id of [...this.#asking.keys()]) this.forget(id);
  }
}
