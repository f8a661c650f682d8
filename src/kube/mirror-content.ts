import type { Kept, Mirror, MirrorListener } from './mirror.ts';

const keyOf = ({ namespace, name }: Pick<Kept, 'namespace' | 'name'>) => `${namespace}/${name}`;

type Fault = Mirror<Kept>['fault'];

/** What a mirror holds and whom it tells. The Reflector alone writes. */
export class MirrorContent<T extends Kept> implements Mirror<T> {
  readonly #objectByKey = new Map<string, T>();
  /** Never changed, but replaced: whoever goes through it meets the same ones to the end, and an event costs no copy. */
  #listeners: readonly MirrorListener<T>[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #delay: (ms: number, signal: AbortSignal) => Promise<void>;
  #isSynced = false;
  #isFresh = false;
  #fault: Fault = null;

  constructor(delay: (ms: number, signal: AbortSignal) => Promise<void>) {
    this.#delay = delay;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get isFresh(): boolean {
    return this.#isFresh;
  }

  get fault(): Fault {
    return this.#fault;
  }

  get size(): number {
    return this.#objectByKey.size;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objectByKey.get(keyOf({ namespace, name }));
  }

  list(): Iterable<T> {
    return this.#objectByKey.values();
  }

  listen(listener: MirrorListener<T>): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((known) => known !== listener);
    };
  }

  async synced(timeoutMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isSynced) return;
    const done = new AbortController();
    const onSynced = () => done.abort();
    this.#waiting.add(onSynced);
    try {
      await this.#delay(timeoutMs, AbortSignal.any([signal, done.signal]));
    } catch (error) {
      if (!done.signal.aborted) throw error;
      return;
    } finally {
      this.#waiting.delete(onSynced);
    }
    throw new Error(this.#fault?.message ?? `not listed within ${timeoutMs} ms`);
  }

  /** Takes an object; another uid under its name is another object. The same version is taken for known. */
  set(object: T): void {
    const key = keyOf(object);
    let before = this.#objectByKey.get(key);
    if (before?.uid === object.uid && before.resourceVersion === object.resourceVersion) return;
    if (before !== undefined && before.uid !== object.uid) {
      this.delete(before);
      before = undefined;
    }
    this.#objectByKey.set(key, object);
    for (const { onSet } of this.#listeners) onSet?.(object, before);
  }

  /** Lets go of whatever has this name. */
  delete(named: Pick<Kept, 'namespace' | 'name'>): void {
    const key = keyOf(named);
    const object = this.#objectByKey.get(key);
    if (object === undefined) return;
    this.#objectByKey.delete(key);
    for (const { onDelete } of this.#listeners) onDelete?.(object);
  }

  /** Takes a whole list: what is not in it is gone. */
  replace(objects: readonly T[]): void {
    const keys = new Set(objects.map(keyOf));
    for (const [key, object] of [...this.#objectByKey]) if (!keys.has(key)) this.delete(object);
    for (const object of objects) this.set(object);
    this.#isSynced = true;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Tells `onState` where that is a change. */
  become(isFresh: boolean, fault: Fault): void {
    const isSame = this.#isFresh === isFresh && this.#fault?.message === fault?.message;
    this.#isFresh = isFresh;
    this.#fault = fault;
    if (isSame) return;
    for (const { onState } of this.#listeners) onState?.();
  }
}
