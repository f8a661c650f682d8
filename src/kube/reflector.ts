import type { Clock } from '../core/clock.ts';
import { type KubeApi, KubeError, type WatchEvent } from './api.ts';
import { maxRetryAfterMs } from './failure.ts';
import type { ListReason } from './mirror.ts';
import type { MirrorViews } from './mirror-views.ts';

/** What the reflectors of a gateway share. */
export interface ReflectorOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  /** Told of each failure, for the log: the collection, and what was the matter. */
  readonly onFault: (path: string, error: unknown) => void;
  /** A list was taken. */
  readonly onList: (reason: ListReason) => void;
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
 * Keeps the mirrors of a collection true by list and watch, until its signal aborts
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
 *
 * | what happens | what follows |
 * |---|---|
 * | the watch ends normally | opened again at the last version, without a list |
 * | 410, as a status or as an event | a list, after some jitter |
 * | reset, refused | again after 0.1 s, doubling to 1 s with jitter, after 60 times to 15 s |
 * | 5xx, another ERROR event | again after 0.1 s, doubling to 15 s with jitter |
 * | 429 | again after what Retry-After says, a minute at most |
 * | 401, 403, 404 | the same up to 30 s |
 * | 30 to 60 min have passed, a mirror came | a list |
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  /** The collection's path. */
  readonly #collection: string;
  readonly #views: MirrorViews;
  readonly #signal: AbortSignal;
  /** To watch from. */
  #version = '';
  /** Lists that were asked for, and which of them was taken. */
  #asked = 1;
  #listed = 0;
  /** Of the list that was asked for last. */
  #reason: ListReason = 'first';
  #resyncAtMs = 0;
  #failures = 0;
  #watching = new AbortController();
  #cancelStale: (() => void) | null = null;

  constructor(
    options: ReflectorOptions,
    mirrored: { readonly path: string; readonly views: MirrorViews; readonly signal: AbortSignal },
  ) {
    this.#options = options;
    this.#collection = mirrored.path;
    this.#views = mirrored.views;
    this.#signal = mirrored.signal;
  }

  /** Resolves once the signal has aborted; never rejects. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      this.#watching = new AbortController();
      try {
        while (this.#listed !== this.#asked || this.#options.clock.nowMs() >= this.#resyncAtMs)
          await this.#list();
        await this.#watch(AbortSignal.any([this.#signal, this.#watching.signal]));
      } catch (error) {
        if (this.#signal.aborted) break;
        if (!this.#watching.signal.aborted) await this.#failed(error).catch(() => undefined);
      }
    }
    this.#cancelStale?.();
  }

  /** For a mirror that came: the next thing that is done is a list. */
  listAgain(): void {
    this.#ask('projection');
    this.#watching.abort();
  }

  /** Nothing explains a first list better than that it is the first. */
  #ask(reason: ListReason): void {
    this.#asked++;
    if (this.#listed > 0) this.#reason = reason;
  }

  #path(query: Readonly<Record<string, string>>): string {
    return `${this.#collection}?${new URLSearchParams(query)}`;
  }

  async #list(): Promise<void> {
    const { api, clock, random, onList } = this.#options;
    const asked = this.#asked;
    const reason = this.#listed === asked ? 'resync' : this.#reason;
    const list = this.#views.beginList();
    let version = '';
    for (let token: string | undefined = ''; token !== undefined; ) {
      const path = this.#path({ limit: String(pageSize), ...(token === '' ? {} : { continue: token }) });
      const page: ListPage = await api.call({
        method: 'GET',
        path,
        timeoutMs: listTimeoutMs,
        signal: this.#signal,
      });
      list.take(Array.isArray(page.items) ? page.items : []);
      version = page.metadata?.resourceVersion ?? '';
      token = page.metadata?.continue || undefined;
    }
    this.#signal.throwIfAborted();
    list.end();
    this.#version = version;
    this.#listed = asked;
    onList(reason);
    this.#resyncAtMs = clock.nowMs() + (30 + 30 * random()) * minute;
  }

  async #watch(signal: AbortSignal): Promise<void> {
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
      await api.watch(path, (event) => this.#take(event), { idleMs, signal, onOpen });
    } finally {
      this.#closed();
    }
    // A server that ends each watch at once must not be asked without a pause.
    if (clock.nowMs() - openedAtMs < 1_000) await clock.sleep(1_000, signal);
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw errorOf(this.#collection, object);
    const metadata = (
      object as { metadata?: { resourceVersion?: unknown; name?: unknown; namespace?: unknown } } | null
    )?.metadata;
    if (type !== 'BOOKMARK' && typeof metadata?.name === 'string') {
      const { name, namespace } = metadata;
      const named = { name, namespace: typeof namespace === 'string' ? namespace : '' };
      if (type === 'DELETED') this.#views.delete(named);
      else this.#views.set(named, object);
    }
    if (typeof metadata?.resourceVersion === 'string') this.#version = metadata.resourceVersion;
    this.#failures = 0;
  }

  #opened(): void {
    this.#cancelStale?.();
    this.#cancelStale = null;
    this.#views.become(true, null);
  }

  #closed(): void {
    const { clock } = this.#options;
    if (!this.#views.isFresh || this.#signal.aborted) return;
    this.#cancelStale ??= clock.setTimer(clock.nowMs() + graceMs, () => {
      this.#cancelStale = null;
      this.#views.become(false, this.#views.fault ?? { status: 0, message: 'no watch is open' });
    });
  }

  async #failed(error: unknown): Promise<void> {
    const { clock, random, onFault } = this.#options;
    if (isExpired(error)) this.#ask('expired');
    else onFault(this.#collection, error);
    const status = error instanceof KubeError ? error.status : 0;
    const message = error instanceof Error ? error.message : String(error);
    const isFresh = this.#views.isFresh && !isDenied(error);
    this.#views.become(isFresh, isExpired(error) ? this.#views.fault : { status, message });
    const isJustAway = status === 0 && this.#failures < awayRetries;
    const mostMs = isDenied(error) ? maxDeniedRetryMs : isJustAway ? awayRetryMs : maxRetryMs;
    const backOffMs = Math.min(mostMs, firstRetryMs * 2 ** Math.min(this.#failures++, 20));
    const askedMs = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.min(askedMs, maxRetryAfterMs);
    await clock.sleep(Math.max(waitMs, backOffMs * (0.5 + random() / 2)), this.#signal);
  }
}
