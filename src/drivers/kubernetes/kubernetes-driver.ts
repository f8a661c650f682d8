import type { KubernetesBackend } from '../../config/settings.ts';
import { workloadKey } from '../../config/workload.ts';
import type { Cancel } from '../../core/clock.ts';
import type { Driver, Target } from '../../core/driver.ts';
import type { KubernetesDriverOptions } from './driver-options.ts';
import { CrashLogs } from './fault-log.ts';
import { KubeTarget } from './kube-target.ts';
import { NamespaceEvents } from './namespace-events.ts';

interface Entry {
  readonly target: KubeTarget;
  uses: number;
}

const settingsCheckMs = 1_000;

/**
 * Workloads with a scale subresource. Who ends at a lower count is a property of each target (`TargetStatus.removal`), so
 * that one certain replica cannot be replaced in general.
 */
export function createKubernetesDriver(options: KubernetesDriverOptions): Driver<KubernetesBackend> {
  return new KubernetesDriver(options);
}

class KubernetesDriver implements Driver<KubernetesBackend> {
  readonly name = 'kubernetes';
  readonly isFixed = false;
  readonly canReplace = false;
  readonly replacesLost = true;
  readonly #options: KubernetesDriverOptions;
  readonly #logs: CrashLogs;
  readonly #entryByKey = new Map<string, Entry>();
  readonly #eventsByNamespace = new Map<string, { readonly index: NamespaceEvents; uses: number }>();
  #cancelCheck: Cancel | null = null;
  #isClosed = false;

  constructor(options: KubernetesDriverOptions) {
    this.#options = options;
    this.#logs = new CrashLogs(options);
  }

  async scale(
    target: Target<KubernetesBackend>,
    request: { readonly replicas: number; readonly victims?: readonly string[] },
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const { entry, release } = this.#use(target);
    try {
      await entry.target.scale(request, signal);
    } finally {
      release();
    }
  }

  async watch(
    target: Target<KubernetesBackend>,
    onStatus: Parameters<Driver['watch']>[1],
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    const { entry, release } = this.#use(target);
    try {
      await entry.target.watch(onStatus, signal);
    } finally {
      release();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelCheck?.();
    for (const { target } of this.#entryByKey.values()) target.close();
    this.#entryByKey.clear();
    this.#logs.close();
  }

  #use(target: Target<KubernetesBackend>): { entry: Entry; release: () => void } {
    if (this.#isClosed) throw new Error('the kubernetes driver is closed');
    const key = keyOf(target);
    let entry = this.#entryByKey.get(key);
    if (entry === undefined) {
      const options = this.#options;
      const useEvents = (namespace: string) => this.#useEvents(namespace);
      entry = { target: new KubeTarget({ driver: options, target, logs: this.#logs, useEvents }), uses: 0 };
      this.#entryByKey.set(key, entry);
    }
    entry.uses += 1;
    if (this.#cancelCheck === null) this.#planCheck();
    const used = entry;
    const release = () => {
      used.uses -= 1;
      if (used.uses > 0 || this.#entryByKey.get(key) !== used) return;
      this.#entryByKey.delete(key);
      used.target.close();
    };
    return { entry, release };
  }

  #useEvents(namespace: string): { index: NamespaceEvents; release: () => void } {
    const shared = this.#eventsByNamespace.get(namespace) ?? {
      index: new NamespaceEvents(this.#options.mirrors, namespace),
      uses: 0,
    };
    this.#eventsByNamespace.set(namespace, shared);
    shared.uses += 1;
    const release = () => {
      shared.uses -= 1;
      if (shared.uses > 0) return;
      this.#eventsByNamespace.delete(namespace);
      shared.index.close();
    };
    return { index: shared.index, release };
  }

  /** Settings change in place, and nobody tells. */
  #planCheck(): void {
    const { clock } = this.#options;
    this.#cancelCheck = clock.setTimer(clock.nowMs() + settingsCheckMs, () => {
      for (const { target } of this.#entryByKey.values()) target.checkSettings();
      this.#cancelCheck = null;
      if (this.#entryByKey.size > 0 && !this.#isClosed) this.#planCheck();
    });
  }
}

/** A target that names another workload is another one, whatever its id. */
function keyOf({ id, backend }: Target<KubernetesBackend>): string {
  return `${id} ${workloadKey(backend)}`;
}
