import type { Mirror } from '../../kube/mirror.ts';
import type { LabelMatcher } from './label-selector.ts';
import { newRecord, type PodRecord } from './pod-replica.ts';
import { hasEnded, type PodView } from './pod-view.ts';

/**
 * The pods of one target out of a namespace's mirror, with what is remembered of each. Those that had ended before they
 * were first seen here are left out: they belong to starts of the past, and a cluster keeps them for days.
 */
export class TargetPods {
  readonly #podByUid = new Map<string, PodView>();
  readonly #recordByUid = new Map<string, PodRecord>();
  readonly #leftoverUids = new Set<string>();
  readonly #mirror: Mirror<PodView>;
  readonly #unlisten: () => void;
  #matches: LabelMatcher | null = null;

  /** `onChange` after each change of one of them, and when the mirror became fresh or stale. */
  constructor(mirror: Mirror<PodView>, onChange: () => void) {
    this.#mirror = mirror;
    this.#unlisten = mirror.listen({
      onSet: (pod) => {
        if (this.#set(pod, !mirror.isSynced)) onChange();
      },
      onDelete: (pod) => {
        if (this.#delete(pod.uid)) onChange();
      },
      onState: onChange,
    });
  }

  get isFresh(): boolean {
    return this.#mirror.isFresh;
  }

  get fault(): Mirror<PodView>['fault'] {
    return this.#mirror.fault;
  }

  /** How many there are that have not ended. */
  get size(): number {
    return [...this.#podByUid.values()].filter((pod) => !hasEnded(pod)).length;
  }

  has(uid: string): boolean {
    return this.#podByUid.has(uid);
  }

  list(): Iterable<PodView> {
    return this.#podByUid.values();
  }

  recordOf({ uid }: PodView): PodRecord {
    const record = this.#recordByUid.get(uid) ?? newRecord();
    this.#recordByUid.set(uid, record);
    return record;
  }

  /** Takes another selector; what is known of pods that match both is kept. */
  select(matches: LabelMatcher): void {
    this.#matches = matches;
    for (const { uid, labels } of [...this.#podByUid.values()]) if (!matches(labels)) this.#delete(uid);
    for (const pod of this.#mirror.list()) this.#set(pod, true);
  }

  close(): void {
    this.#unlisten();
  }

  #set(pod: PodView, isFirstLook: boolean): boolean {
    const { uid } = pod;
    if (!this.#matches?.(pod.labels)) return this.#delete(uid);
    const isNew = !this.#podByUid.has(uid);
    if (isNew && hasEnded(pod) && (isFirstLook || this.#leftoverUids.has(uid))) {
      this.#leftoverUids.add(uid);
      return false;
    }
    this.#podByUid.set(uid, pod);
    return true;
  }

  #delete(uid: string): boolean {
    this.#recordByUid.delete(uid);
    this.#leftoverUids.delete(uid);
    return this.#podByUid.delete(uid);
  }
}
