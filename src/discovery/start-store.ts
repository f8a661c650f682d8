import { createHash } from 'node:crypto';
import type { Cancel, Clock } from '../core/clock.ts';
import type { Leadership } from '../core/leadership.ts';
import type { KubeApi } from '../kube/api.ts';
import { FaultPace, type OnDiscoveryFault } from './fault.ts';
import { fieldsOf } from './projection.ts';
import { fieldManager } from './vocabulary.ts';

const debounceMs = 10_000;
/** After a write that failed; doubled from `debounceMs` with each that fails after it. */
const maxRetryMs = 300_000;
const maxTotalBytes = 900 * 1024;
const maxKeyLength = 253;

/** What the store depends on: the ConfigMap `name` in `namespace`, which is there already. */
export interface StartStoreOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly leadership: Leadership;
  readonly namespace: string;
  readonly name: string;
  readonly onFault: OnDiscoveryFault;
}

/** Keeps what was learned of starts across restarts of the gateway. A fault is told and never thrown. */
export interface StartStore {
  /** What was kept, by `model/revision`; as hostile as who can write the ConfigMap. */
  load(signal: AbortSignal): Promise<Map<string, unknown>>;
  /** Writes within 10 s, and what failed again after 10 s, doubling to 5 min; past 900 KiB in all the models saved the longest ago are dropped. */
  save(key: string, samples: unknown): void;
  /** Writes now what is not written yet, once: it is the last that is done. */
  flush(signal: AbortSignal): Promise<void>;
}

interface Row {
  readonly text: string;
  readonly savedAtMs: number;
}

/** Makes a store on a ConfigMap, with a merge patch of the keys that changed; only the leader writes. */
export function createStartStore(options: StartStoreOptions): StartStore {
  return new ConfigMapStarts(options);
}

class ConfigMapStarts implements StartStore {
  readonly #options: StartStoreOptions;
  readonly #faults: FaultPace;
  readonly #path: string;
  readonly #rows = new Map<string, Row>();
  /** Of all rows, keys included. */
  #bytes = 0;
  /** Keys to write; a key without a row is taken away. */
  readonly #dirty = new Set<string>();
  #cancelTimer: Cancel | null = null;
  #retryMs = debounceMs;
  /** `flush` was called. */
  #isEnded = false;

  constructor(options: StartStoreOptions) {
    this.#options = options;
    this.#faults = new FaultPace(options.clock, options.onFault);
    const { namespace, name } = options;
    this.#path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps/${encodeURIComponent(name)}`;
  }

  async load(signal: AbortSignal): Promise<Map<string, unknown>> {
    const learned = new Map<string, unknown>();
    try {
      const map = await this.#options.api.call<unknown>({ method: 'GET', path: this.#path, signal });
      for (const [dataKey, text] of Object.entries(fieldsOf(fieldsOf(map).data))) {
        const row = readRow(text);
        if (row === null || dataKeyOf(row.key) !== dataKey) continue;
        if (!this.#rows.has(dataKey)) this.#setRow(dataKey, row);
        learned.set(row.key, row.samples);
      }
    } catch (error) {
      if (!signal.aborted) this.#tell('read', error);
    }
    return learned;
  }

  save(key: string, samples: unknown): void {
    const savedAtMs = this.#options.clock.wallMs();
    const dataKey = dataKeyOf(key);
    this.#setRow(dataKey, { text: JSON.stringify({ key, savedAtMs, samples }), savedAtMs });
    this.#dirty.add(dataKey);
    this.#shrink();
    this.#writeIn(debounceMs);
  }

  #writeIn(delayMs: number): void {
    const { clock } = this.#options;
    this.#cancelTimer ??= clock.setTimer(clock.nowMs() + delayMs, () => void this.#writeAndRetry());
  }

  /** Never rejects. */
  async #writeAndRetry(): Promise<void> {
    this.#cancelTimer = null;
    if (await this.#write(AbortSignal.timeout(debounceMs))) {
      this.#retryMs = debounceMs;
      return;
    }
    if (this.#isEnded) return;
    this.#writeIn(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs);
  }

  async flush(signal: AbortSignal): Promise<void> {
    this.#isEnded = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#write(signal);
  }

  /** Whether nothing is left to write here: who does not lead has nothing to. */
  async #write(signal: AbortSignal): Promise<boolean> {
    if (this.#dirty.size === 0 || !this.#options.leadership.isLeader) return true;
    const data = Object.fromEntries([...this.#dirty].map((key) => [key, this.#rows.get(key)?.text ?? null]));
    this.#dirty.clear();
    try {
      await this.#options.api.call({
        ...{ method: 'PATCH', patchType: 'application/merge-patch+json', signal },
        path: `${this.#path}?fieldManager=${fieldManager}`,
        body: { data },
      });
      this.#faults.over('write');
      return true;
    } catch (error) {
      for (const key of Object.keys(data)) this.#dirty.add(key);
      this.#tell('write', error);
      return false;
    }
  }

  #setRow(dataKey: string, row: Row): void {
    const before = this.#rows.get(dataKey);
    this.#bytes += bytesOf(dataKey, row) - (before === undefined ? 0 : bytesOf(dataKey, before));
    this.#rows.set(dataKey, row);
  }

  #shrink(): void {
    if (this.#bytes <= maxTotalBytes) return;
    const oldestFirst = [...this.#rows].sort(([, a], [, b]) => a.savedAtMs - b.savedAtMs);
    for (const [key, row] of oldestFirst) {
      if (this.#bytes <= maxTotalBytes) return;
      this.#bytes -= bytesOf(key, row);
      this.#rows.delete(key);
      this.#dirty.add(key);
    }
  }

  #tell(verb: string, error: unknown): void {
    const { namespace, name } = this.#options;
    const message = `cannot ${verb} the learned starts in ConfigMap ${namespace}/${name}; it goes on without`;
    this.#faults.tell(verb, { message, error });
  }
}

const bytesOf = (key: string, { text }: Row): number => key.length + Buffer.byteLength(text);

/** A key of a ConfigMap for any text: other characters by their bytes, and a hash for what is too long. */
function dataKeyOf(key: string): string {
  const encoded = Buffer.from(key)
    .toString('latin1')
    .replaceAll(/[^A-Za-z0-9.-]|^\./g, (c) => `_${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  if (encoded.length <= maxKeyLength) return encoded;
  return `__${createHash('sha256').update(key).digest('hex')}`;
}

function readRow(text: unknown): (Row & { readonly key: string; readonly samples: unknown }) | null {
  if (typeof text !== 'string') return null;
  try {
    const { key, savedAtMs, samples } = fieldsOf(JSON.parse(text));
    if (typeof key !== 'string' || typeof savedAtMs !== 'number') return null;
    return { key, savedAtMs, samples, text };
  } catch {
    return null; // Somebody else wrote it.
  }
}
