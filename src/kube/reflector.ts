import type { Clock } from '../core/clock.ts';
import { type KubeApi, KubeError, type WatchEvent } from './api.ts';
import type { Kept, MirrorSpec } from './mirror.ts';
import type { MirrorContent } from './mirror-content.ts';

/** What the reflectors of a gateway share. */
export interface ReflectorOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  /** Told of each failure, for the log: the collection, and what was the matter. */
  readonly onFault: (path: string, error: unknown) => void;
}

interface ListPage {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: unknown;
}

const pageSize = 500;
/** Of one page: a loaded server may take minutes. */
const listTimeoutMs = 300_000;
const firstRetryMs = 100;
const maxRetryMs = 15_000;
/** While the server has not been away for long: its return is to be noticed within a second. */
const awayRetryMs = 1_000;
const awayRetries = 60;
const maxDeniedRetryMs = 30_000;
/** Without a watch for that long the content is stale. */
const graceMs = 5_000;
/** Bookmarks come each minute. */
const idleMs = 150_000;
const minute = 60_000;

/** Refused as a whole: the version or the page to go on from is forgotten, so that only a new list helps. */
const isExpired = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 410 || error.reason === 'Expired');

const isDenied = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 403 || error.status === 404 || error.status === 401);

/** The failure that an ERROR event in a stream tells (its HTTP status was 200). */
function errorOf(path: string, object: unknown): KubeError {
  const { code, message, reason } = (object ?? {}) as { code?: unknown; message?: unknown; reason?: unknown };
  const status = typeof code === 'number' ? code : 500;
  const told = typeof reason === 'string' ? reason : '';
  return new KubeError(`watch of ${path}: ${status} ${told}: ${String(message)}`, { status, reason: told });
}

/**
 * Keeps a MirrorContent true by list and watch, until its signal aborts
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
 *
 * | what happens | what follows |
 * |---|---|
 * | the watch ends normally | opened again at the last version, without a list |
 * | 410, as a status or as an event | a list, after some jitter |
 * | reset, refused | again after 0.1 s, doubling to 1 s with jitter, after 60 times to 15 s |
 * | 5xx, another ERROR event | again after 0.1 s, doubling to 15 s with jitter |
 * | 429 | again after what Retry-After says |
 * | 401, 403, 404 | the same up to 30 s |
 * | 30 to 60 min have passed | a list |
 */
export class Reflector<T extends Kept> {
  readonly #options: ReflectorOptions;
  readonly #spec: MirrorSpec<T>;
  readonly #content: MirrorContent<T>;
  readonly #signal: AbortSignal;
  /** To watch from; '' asks for a list first. */
  #version = '';
  #resyncAtMs = 0;
  #failures = 0;
  #cancelStale: (() => void) | null = null;

  constructor(
    options: ReflectorOptions,
    mirror: {
      readonly spec: MirrorSpec<T>;
      readonly content: MirrorContent<T>;
      readonly signal: AbortSignal;
    },
  ) {
    this.#options = options;
    this.#spec = mirror.spec;
    this.#content = mirror.content;
    this.#signal = mirror.signal;
  }

  /** Resolves once the signal has aborted; never rejects. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        if (this.#version === '' || this.#options.clock.nowMs() >= this.#resyncAtMs) await this.#list();
        await this.#watch();
      } catch (error) {
        if (this.#signal.aborted) break;
        await this.#failed(error).catch(() => undefined);
      }
    }
    this.#cancelStale?.();
  }

  #path(query: Readonly<Record<string, string>>): string {
    const own = this.#spec.query ? `${this.#spec.query}&` : '';
    return `${this.#spec.path}?${own}${new URLSearchParams(query)}`;
  }

  async #list(): Promise<void> {
    const { api, clock, random } = this.#options;
    const objects: T[] = [];
    let version = '';
    for (let token: string | undefined = ''; token !== undefined; ) {
      const path = this.#path({ limit: String(pageSize), ...(token === '' ? {} : { continue: token }) });
      const page: ListPage = await api.call({
        method: 'GET',
        path,
        timeoutMs: listTimeoutMs,
        signal: this.#signal,
      });
      for (const item of Array.isArray(page.items) ? page.items : []) {
        const object = this.#project(item);
        if (object !== null) objects.push(object);
      }
      version = page.metadata?.resourceVersion ?? '';
      token = page.metadata?.continue || undefined;
    }
    this.#signal.throwIfAborted();
    this.#content.replace(objects);
    this.#version = version;
    this.#resyncAtMs = clock.nowMs() + (30 + 30 * random()) * minute;
  }

  async #watch(): Promise<void> {
    const { api, clock, random } = this.#options;
    const seconds = Math.min(300 + 300 * random(), Math.max(1, (this.#resyncAtMs - clock.nowMs()) / 1_000));
    const path = this.#path({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: String(Math.ceil(seconds)),
    });
    const openedAtMs = clock.nowMs();
    try {
      const onOpen = () => this.#opened();
      await api.watch(path, (event) => this.#take(event), { idleMs, signal: this.#signal, onOpen });
    } finally {
      this.#closed();
    }
    // A server that ends each watch at once must not be asked without a pause.
    if (clock.nowMs() - openedAtMs < 1_000) await clock.sleep(1_000, this.#signal);
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw errorOf(this.#spec.path, object);
    const metadata = (
      object as { metadata?: { resourceVersion?: unknown; name?: unknown; namespace?: unknown } } | null
    )?.metadata;
    if (type !== 'BOOKMARK' && typeof metadata?.name === 'string') {
      const { name, namespace } = metadata;
      const named = { name, namespace: typeof namespace === 'string' ? namespace : '' };
      const kept = type === 'DELETED' ? null : this.#project(object);
      if (kept === null) this.#content.delete(named);
      else this.#content.set(kept);
    }
    if (typeof metadata?.resourceVersion === 'string') this.#version = metadata.resourceVersion;
    this.#failures = 0;
  }

  /** An object of another shape than expected is not kept; it must not end the watch of the others. */
  #project(object: unknown): T | null {
    try {
      return this.#spec.project(object);
    } catch (error) {
      this.#options.onFault(this.#spec.path, error);
      return null;
    }
  }

  #opened(): void {
    this.#cancelStale?.();
    this.#cancelStale = null;
    this.#content.become(true, null);
  }

  #closed(): void {
    const { clock } = this.#options;
    if (!this.#content.isFresh || this.#signal.aborted) return;
    this.#cancelStale ??= clock.setTimer(clock.nowMs() + graceMs, () => {
      this.#cancelStale = null;
      this.#content.become(false, this.#content.fault ?? { status: 0, message: 'no watch is open' });
    });
  }

  async #failed(error: unknown): Promise<void> {
    const { clock, random, onFault } = this.#options;
    if (isExpired(error)) this.#version = '';
    else onFault(this.#spec.path, error);
    const status = error instanceof KubeError ? error.status : 0;
    const message = error instanceof Error ? error.message : String(error);
    const isFresh = this.#content.isFresh && !isDenied(error);
    this.#content.become(isFresh, isExpired(error) ? this.#content.fault : { status, message });
    const isJustAway = status === 0 && this.#failures < awayRetries;
    const mostMs = isDenied(error) ? maxDeniedRetryMs : isJustAway ? awayRetryMs : maxRetryMs;
    const backOffMs = Math.min(mostMs, firstRetryMs * 2 ** Math.min(this.#failures++, 20));
    const askedMs = error instanceof KubeError ? error.retryAfterMs : null;
    await clock.sleep(Math.max(askedMs ?? 0, backOffMs * (0.5 + random() / 2)), this.#signal);
  }
}
