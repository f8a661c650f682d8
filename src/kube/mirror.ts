/** What every object has that is kept. */
export interface Kept {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
}

/** What to mirror: one kind in one namespace. */
export interface MirrorSpec<T extends Kept> {
  /** The collection's path without a query: `/api/v1/namespaces/llm/pods`. */
  readonly path: string;
  /** The part of an object that is kept, or null: not at all. Pure; called once per event, so that memory holds no more. */
  project(object: unknown): T | null;
}

/** Told after the mirror has taken a change. A relist tells each difference in the same way. */
export interface MirrorListener<T> {
  /** Came or changed. */
  onSet?(object: T, before: T | undefined): void;
  onDelete?(object: T): void;
  /** Became fresh or stale, or access was denied or granted again. */
  onState?(): void;
}

/**
 * A copy of one collection, kept by list and watch. Old content stays while the server is away: `isFresh` says whether
 * it can be built upon.
 */
export interface Mirror<T extends Kept> {
  /** A list has been taken at least once. */
  readonly isSynced: boolean;
  /** Synced, and a watch is open or was so within the last few seconds. */
  readonly isFresh: boolean;
  /** Why there is no content or no news, in one line (forbidden, unreachable); null while fresh. */
  readonly fault: { readonly status: number; readonly message: string } | null;
  get(namespace: string, name: string): T | undefined;
  list(): Iterable<T>;
  /** Until the function that it returns is called. What is there already is not told. */
  listen(listener: MirrorListener<T>): () => void;
  /** Resolves when it is synced; rejects when it has not been for `timeoutMs`, with what was the matter. */
  synced(timeoutMs: number, signal: AbortSignal): Promise<void>;
}

/** A use of a mirror that must be given back. */
export interface MirrorLease<T extends Kept> {
  readonly mirror: Mirror<T>;
  /** The last one given back ends the watch. */
  release(): void;
}

/**
 * | reason | a collection is listed since |
 * |---|---|
 * | first | nothing of it is known |
 * | expired | the API server answered 410: it has forgotten the version to watch from |
 * | resync | the last list is 30 to 60 minutes old |
 * | projection | more of its objects is to be kept |
 */
export type ListReason = 'first' | 'expired' | 'resync' | 'projection';

/** Mirrors by path, however many use them: one watch per kind and namespace. */
export interface Mirrors {
  /**
   * Uses of one path share the watch; those that give the same function as `project` share the mirror too. A
   * new projection of what is watched already is filled by another list, after which the watch goes on.
   */
  use<T extends Kept>(spec: MirrorSpec<T>): MirrorLease<T>;
  /** Watches open or being opened. */
  readonly size: number;
  /** Lists that were taken, by reason. */
  readonly lists: ReadonlyMap<ListReason, number>;
  close(): Promise<void>;
}
