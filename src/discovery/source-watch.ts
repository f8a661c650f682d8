import type { Clock } from '../core/clock.ts';
import type { MirrorLease, Mirrors } from '../kube/mirror.ts';
import { collectionPath, type Resource, type Resources } from '../kube/resource.ts';
import type { FaultPace } from './fault.ts';
import { projectionOf, type SourceObject } from './projection.ts';
import { keyOf } from './reading.ts';
import type { SourceKind } from './vocabulary.ts';

const askedAgainMs = 5_000;

/** What a SourceWatch depends on. `missingRetryMs`: how often a kind that the cluster lacks is looked for. */
export interface SourceWatchOptions {
  readonly source: SourceKind;
  readonly namespaces: readonly string[];
  readonly mirrors: Mirrors;
  readonly resources: Resources;
  readonly clock: Clock;
  readonly faults: FaultPace;
  readonly missingRetryMs: number;
  onChange(): void;
}

/** The objects of one kind in all namespaces; looks for the kind until the cluster has it. */
export class SourceWatch {
  readonly #options: SourceWatchOptions;
  readonly #leases: MirrorLease<SourceObject>[] = [];
  #isMissing = false;

  constructor(options: SourceWatchOptions) {
    this.#options = options;
  }

  /** Whether it is known what there is: listed, or there is no such kind, or it may not be read. */
  get isSettled(): boolean {
    if (this.#isMissing) return true;
    if (this.#leases.length === 0) return false;
    return this.#leases.every(({ mirror }) => mirror.isSynced || isDenied(mirror.fault));
  }

  /** Why it is not settled, in one line. */
  get obstacle(): string {
    const fault = this.#leases.find(({ mirror }) => !mirror.isSynced)?.mirror.fault;
    return `${this.#options.source.kind}: ${fault?.message ?? 'not listed yet'}`;
  }

  *objects(): Iterable<SourceObject> {
    for (const { mirror } of this.#leases) yield* mirror.list();
  }

  /** The object behind a key of `keyOf`; undefined where there is none of that kind. */
  find(key: string): SourceObject | undefined {
    const { door, kind } = this.#options.source;
    const prefix = keyOf({ door, kind, namespace: '', name: '' }).slice(0, -1);
    if (!key.startsWith(prefix)) return undefined;
    const [namespace = '', name = ''] = key.slice(prefix.length).split('/');
    for (const { mirror } of this.#leases) {
      const object = mirror.get(namespace, name);
      if (object !== undefined) return object;
    }
    return undefined;
  }

  /** Watches until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const resource = await this.#find(signal);
    if (resource === null) return;
    for (const namespace of this.#options.namespaces) this.#open(resource, namespace, signal);
  }

  async #find(signal: AbortSignal): Promise<Resource | null> {
    const { source, resources, clock, missingRetryMs, onChange } = this.#options;
    while (!signal.aborted) {
      let waitMs = missingRetryMs;
      try {
        const found = await resources.find(source, signal);
        if (found !== null) return found;
        if (!this.#isMissing) this.#tellMissing();
        this.#isMissing = true;
        onChange();
      } catch (error) {
        if (signal.aborted) return null;
        const message = `cannot ask the cluster for ${source.kind} (${source.apiVersion})`;
        this.#options.faults.tell(message, { message, error });
        waitMs = askedAgainMs;
      }
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
    return null;
  }

  #tellMissing(): void {
    const { source, faults } = this.#options;
    if (source.isOptional) return;
    const message = `the cluster has no ${source.kind} (${source.apiVersion}); it is looked for again`;
    faults.tell(message, { message, error: null });
  }

  #open(resource: Resource, namespace: string, signal: AbortSignal): void {
    const { source, mirrors, faults, onChange } = this.#options;
    const path = collectionPath(resource, namespace);
    const lease = mirrors.use({ path, project: projectionOf(source) });
    this.#isMissing = false;
    this.#leases.push(lease);
    const onState = () => {
      const { fault } = lease.mirror;
      if (isDenied(fault)) {
        const message = `cannot watch ${source.kind} in ${namespace}: ${fault?.message}`;
        faults.tell(message, { message, error: null });
      }
      onChange();
    };
    const stop = lease.mirror.listen({ onSet: onChange, onDelete: onChange, onState });
    signal.addEventListener(
      'abort',
      () => {
        stop();
        lease.release();
      },
      { once: true },
    );
    onState();
  }
}

/** Not by an outage: no waiting helps. */
function isDenied(fault: { readonly status: number } | null): boolean {
  return fault !== null && (fault.status === 403 || fault.status === 404);
}
