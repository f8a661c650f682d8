import type { ServerResponse } from 'node:http';
import { statusObject } from './kube-server-faults.ts';
import type { Change, Choice, KubeStore } from './kube-server-store.ts';

interface Watch {
  /** With the namespace. */
  readonly path: string;
  readonly choice: Choice;
  readonly query: URLSearchParams;
  readonly res: ServerResponse;
}

/** What a watch with a selector sees of a change: an object that comes to match is added, one that ceases to is deleted. */
function seenAs({ type, object, before }: Change, choice: Choice): Change['type'] | null {
  if (choice.namespace !== '' && object.metadata.namespace !== choice.namespace) return null;
  const matched = before !== undefined && choice.matches(before);
  const matches = type !== 'DELETED' && choice.matches(object);
  if (matches) return matched ? 'MODIFIED' : 'ADDED';
  return matched ? 'DELETED' : null;
}

/** The watches that are open on a KubeServer. */
export class KubeWatches {
  readonly #store: KubeStore;
  readonly #open = new Set<Watch>();

  constructor(store: KubeStore) {
    this.#store = store;
    store.listen((change) => {
      for (const watch of this.#open) this.#tell(watch, change);
    });
  }

  count(path?: string): number {
    return [...this.#open].filter((watch) => path === undefined || watch.path === path).length;
  }

  /** Replays what came after `resourceVersion` and goes on until `timeoutSeconds`; 410 in the stream for what is forgotten. */
  open(watch: Watch): void {
    const { query, res, choice } = watch;
    res.writeHead(200, { 'content-type': 'application/json' });
    res.flushHeaders();
    const since = Number(query.get('resourceVersion') ?? 0);
    if (since > 0 && since < this.#store.compactedTo) {
      const object = statusObject(410, 'Expired', `too old resource version: ${since}`);
      res.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    if (since === 0) {
      for (const object of this.#store.list(choice)) {
        res.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
      }
    } else for (const change of this.#store.since(since)) this.#tell(watch, change);
    this.#open.add(watch);
    const timeoutS = Number(query.get('timeoutSeconds') ?? 0);
    const timer =
      timeoutS > 0 ? setTimeout(() => this.#open.delete(watch) && res.end(), timeoutS * 1_000) : undefined;
    timer?.unref();
    res.on('close', () => {
      clearTimeout(timer);
      this.#open.delete(watch);
    });
  }

  send(text: string, path?: string): void {
    for (const watch of this.#open) if (path === undefined || watch.path === path) watch.res.write(text);
  }

  bookmark(): void {
    for (const { query, res } of this.#open) {
      if (query.get('allowWatchBookmarks') !== 'true') continue;
      const object = { metadata: { resourceVersion: String(this.#store.version) } };
      res.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    }
  }

  end(): void {
    for (const { res } of this.#take()) res.end();
  }

  cut(): void {
    for (const { res } of this.#take()) res.socket?.resetAndDestroy();
  }

  #take(): Watch[] {
    const all = [...this.#open];
    this.#open.clear();
    return all;
  }

  #tell(watch: Watch, change: Change): void {
    if (change.root !== watch.choice.root) return;
    const type = seenAs(change, watch.choice);
    if (type !== null) watch.res.write(`${JSON.stringify({ type, object: change.object })}\n`);
  }
}
