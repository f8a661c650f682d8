import type { Mirror, Mirrors } from '../../kube/mirror.ts';
import { type EventView, projectEvent } from './fault-events.ts';

/** The events of one namespace by the uid of what they tell of, shared by its targets. */
export class NamespaceEvents {
  readonly #eventsByUid = new Map<string, Map<string, EventView>>();
  readonly #listeners = new Set<(event: EventView) => void>();
  readonly #mirror: Mirror<EventView>;
  readonly #close: () => void;

  constructor(mirrors: Mirrors, namespace: string) {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const lease = mirrors.use<EventView>({ path, project: projectEvent });
    this.#mirror = lease.mirror;
    for (const event of lease.mirror.list()) this.#set(event);
    const unlisten = lease.mirror.listen({
      onSet: (event) => {
        this.#set(event);
        for (const listener of this.#listeners) listener(event);
      },
      onDelete: ({ about, uid }) => {
        const events = this.#eventsByUid.get(about.uid);
        events?.delete(uid);
        if (events?.size === 0) this.#eventsByUid.delete(about.uid);
      },
    });
    this.#close = () => {
      unlisten();
      lease.release();
    };
  }

  get isFresh(): boolean {
    return this.#mirror.isFresh;
  }

  of(uid: string): readonly EventView[] {
    return [...(this.#eventsByUid.get(uid)?.values() ?? [])];
  }

  /** Of each new or repeated event, until the function that it returns is called. */
  listen(listener: (event: EventView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#close();
  }

  #set(event: EventView): void {
    const events = this.#eventsByUid.get(event.about.uid) ?? new Map<string, EventView>();
    events.set(event.uid, event);
    this.#eventsByUid.set(event.about.uid, events);
  }
}
