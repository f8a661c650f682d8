import type { FoundModel } from '../config/merge-models.ts';
import type { KubernetesSettings } from '../config/settings.ts';
import type { Cancel, Clock } from '../core/clock.ts';
import type { Mirrors } from '../kube/mirror.ts';
import type { Resources } from '../kube/resource.ts';
import { FaultPace, type OnDiscoveryFault } from './fault.ts';
import type { SourceObject } from './projection.ts';
import { type FaultyObject, keyOf, type Reading, readObject } from './reading.ts';
import { SourceWatch } from './source-watch.ts';
import { sourceKinds } from './vocabulary.ts';

const coalesceMs = 100;
/** A kind that the cluster should have, and one that it may well lack: an idle gateway asks for nothing in vain. */
const missingRetryMs = { expected: 60_000, optional: 600_000 };

/** What the cluster says, whole. */
export interface Discovered {
  /** Those that are faulty now and were not before are among them, as they were. */
  readonly models: readonly FoundModel[];
  /** Objects that are no models, each with all that is wrong with it. */
  readonly faulty: readonly FaultyObject[];
}

/** What discovery depends on. */
export interface DiscoveryOptions {
  readonly mirrors: Mirrors;
  readonly resources: Resources;
  readonly clock: Clock;
  readonly settings: KubernetesSettings;
  readonly ownNamespace: string;
  /** How often a kind that the cluster lacks is looked for; default 1 min, and 10 min for one that is optional. */
  readonly missingRetryMs?: number;
  /** Told the first state once everything was listed, then each change, 100 ms of them at once. */
  onChange(discovered: Discovered): void;
  readonly onFault: OnDiscoveryFault;
}

/** The models that the cluster describes. */
export interface Discovery {
  /** Whether the whole cluster was listed once: before that, an unknown model may be one that is not found yet. */
  readonly isSettled: boolean;
  /**
   * Resolves to true when it is settled. To false after `timeoutMs`: then `onFault` was told why, `onChange` what is
   * known so far, and it goes on. Rejects with the signal's reason.
   */
  settled(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** The object behind a key of `Discovered`, as it is now; undefined when it is gone. */
  objectOf(key: string): SourceObject | undefined;
  close(): Promise<void>;
}

/** Watches Model objects and annotated workloads in the configured namespaces. */
export function createDiscovery(options: DiscoveryOptions): Discovery {
  return new ClusterDiscovery(options);
}

class ClusterDiscovery implements Discovery {
  readonly #options: DiscoveryOptions;
  readonly #watches: readonly SourceWatch[];
  readonly #stop = new AbortController();
  readonly #ended: Promise<unknown>;
  readonly #settled = Promise.withResolvers<void>();
  #readings = new Map<string, Reading>();
  #cancelTell: Cancel | null = null;
  #isPartialAllowed = false;
  #wasTold = false;
  #isSettled = false;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    const { settings, ownNamespace, clock, mirrors, resources } = options;
    const faults = new FaultPace(clock, options.onFault);
    const { models, annotations } = settings.discovery;
    const shared = {
      ...{ mirrors, resources, clock, faults },
      namespaces: settings.namespaces.length === 0 ? [ownNamespace] : settings.namespaces,
      onChange: () => this.#schedule(),
    };
    this.#watches = sourceKinds
      .filter(({ door }) => (door === 'model' ? models : annotations))
      .map((source) => {
        const usualMs = source.isOptional ? missingRetryMs.optional : missingRetryMs.expected;
        return new SourceWatch({ ...shared, source, missingRetryMs: options.missingRetryMs ?? usualMs });
      });
    this.#ended = Promise.all(this.#watches.map((watch) => watch.run(this.#stop.signal)));
    this.#schedule();
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  async settled(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const limit = new AbortController();
    const late = this.#options.clock.sleep(timeoutMs, AbortSignal.any([signal, limit.signal]));
    try {
      const isInTime = await Promise.race([this.#settled.promise.then(() => true), late.then(() => false)]);
      if (!isInTime) this.#allowPartial(timeoutMs);
      return isInTime;
    } finally {
      late.catch(() => undefined);
      limit.abort();
    }
  }

  objectOf(key: string): SourceObject | undefined {
    for (const watch of this.#watches) {
      const object = watch.find(key);
      if (object !== undefined) return object;
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#cancelTell?.();
    await this.#ended;
  }

  #allowPartial(timeoutMs: number): void {
    const open = this.#watches.filter((watch) => !watch.isSettled).map((watch) => watch.obstacle);
    const message = `models of the cluster are not all known after ${timeoutMs} ms: ${open.join('; ')}`;
    this.#options.onFault({ message, error: null });
    this.#isPartialAllowed = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#stop.signal.aborted || this.#cancelTell !== null) return;
    const { clock } = this.#options;
    this.#cancelTell = clock.setTimer(clock.nowMs() + coalesceMs, () => {
      this.#cancelTell = null;
      this.#tell();
    });
  }

  #tell(): void {
    this.#isSettled ||= this.#watches.every((watch) => watch.isSettled);
    if (!this.#isSettled && !this.#isPartialAllowed) return;
    const before = this.#readings;
    this.#readings = new Map();
    for (const watch of this.#watches)
      for (const object of watch.objects())
        this.#readings.set(keyOf(object), readObject(object, before.get(keyOf(object))));
    const isSame =
      before.size === this.#readings.size && [...this.#readings].every(([key, r]) => before.get(key) === r);
    if (!isSame || !this.#wasTold) this.#options.onChange(discoveredIn(this.#readings.values()));
    this.#wasTold = true;
    if (this.#isSettled) this.#settled.resolve();
  }
}

function discoveredIn(readings: Iterable<Reading>): Discovered {
  const models: FoundModel[] = [];
  const faulty: FaultyObject[] = [];
  for (const { outcome, kept } of readings) {
    if ('settings' in outcome) models.push(outcome);
    else faulty.push(outcome);
    if (kept !== null) models.push(kept);
  }
  return { models, faulty };
}
