/** An object as the API has it. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    creationTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [key: string]: unknown;
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [key: string]: unknown;
}

/** A change, as a watch tells it. `before` decides what a watch with a selector makes of it. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
  readonly before: KubeObject | undefined;
  readonly version: number;
  /** `/api/v1/pods`: without the namespace. */
  readonly root: string;
}

/** Where an object is: `root` is the kind's path without a namespace (`/apis/apps/v1/deployments`). */
export interface Place {
  readonly root: string;
  /** '' for kinds without a namespace. */
  readonly namespace: string;
  readonly name: string;
}

/** Which objects of a kind: `namespace` '' takes all. */
export interface Choice {
  readonly root: string;
  readonly namespace: string;
  matches(object: KubeObject): boolean;
}

const keyOf = ({ root, namespace, name }: Place) => `${root} ${namespace}/${name}`;

/** Whether two objects differ in more than their status and metadata: that raises the generation. */
function differsInSpec(one: KubeObject, other: KubeObject): boolean {
  const bare = ({ metadata: _metadata, status: _status, ...rest }: KubeObject) => JSON.stringify(rest);
  return bare(one) !== bare(other);
}

/** The objects of a KubeServer with one counter of versions and the history that watches are replayed from. */
export class KubeStore {
  readonly #objectByKey = new Map<string, { place: Place; object: KubeObject }>();
  readonly #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();
  #version = 1000;
  #compactedTo = 0;
  #uids = 0;

  get version(): number {
    return this.#version;
  }

  /** Versions up to this one cannot be watched from, nor continued. */
  get compactedTo(): number {
    return this.#compactedTo;
  }

  get(place: Place): KubeObject | undefined {
    return this.#objectByKey.get(keyOf(place))?.object;
  }

  /** Creates or replaces; gives uid, version, generation and creation time as the API server does. */
  set(place: Place, wanted: KubeObject): KubeObject {
    const before = this.get(place);
    this.#version++;
    const isChanged = before === undefined || differsInSpec(before, wanted);
    const object: KubeObject = {
      ...wanted,
      metadata: {
        ...wanted.metadata,
        name: place.name,
        ...(place.namespace === '' ? {} : { namespace: place.namespace }),
        uid: before?.metadata.uid ?? wanted.metadata.uid ?? `uid-${++this.#uids}`,
        creationTimestamp:
          before?.metadata.creationTimestamp ??
          wanted.metadata.creationTimestamp ??
          new Date().toISOString().replace(/\.\d+/, ''),
        generation: (before?.metadata.generation ?? 0) + (isChanged ? 1 : 0),
        resourceVersion: String(this.#version),
      },
    };
    this.#objectByKey.set(keyOf(place), { place, object });
    this.#tell({
      type: before ? 'MODIFIED' : 'ADDED',
      object,
      before,
      version: this.#version,
      root: place.root,
    });
    return object;
  }

  delete(place: Place): KubeObject | undefined {
    const before = this.get(place);
    if (before === undefined) return undefined;
    this.#objectByKey.delete(keyOf(place));
    this.#version++;
    const metadata = { ...before.metadata, resourceVersion: String(this.#version) };
    const object = { ...before, metadata };
    this.#tell({ type: 'DELETED', object, before, version: this.#version, root: place.root });
    return object;
  }

  /** In order of namespace and name. */
  list(choice: Choice): KubeObject[] {
    return [...this.#objectByKey]
      .filter(([, { place }]) => place.root === choice.root)
      .filter(([, { place }]) => choice.namespace === '' || place.namespace === choice.namespace)
      .filter(([, { object }]) => choice.matches(object))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, { object }]) => object);
  }

  /** What happened after `version`, oldest first. */
  since(version: number): Change[] {
    return this.#changes.filter((change) => change.version > version);
  }

  /** Forgets all history, as etcd's compaction does: an older version is 410 Expired from now on. */
  compact(): void {
    this.#version++;
    this.#compactedTo = this.#version;
    this.#changes.length = 0;
  }

  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(change: Change): void {
    this.#changes.push(change);
    for (const listener of [...this.#listeners]) listener(change);
  }
}
