import type { Replica } from './replica.ts';

/** The replicas of one target that are there, and what can be counted of them. */
export class ReplicaList {
  readonly #byId = new Map<string, Replica>();

  get all(): readonly Replica[] {
    return [...this.#byId.values()];
  }

  /** How many take requests. */
  get ready(): number {
    let count = 0;
    for (const { state } of this.#byId.values()) if (state === 'ready') count++;
    return count;
  }

  /** Those that are there and were not told to end. */
  get living(): readonly Replica[] {
    return this.in('starting', 'ready', 'suspect', 'dozing', 'asleep', 'waking');
  }

  /** Those that sleep or are on their way there, and are not to be woken. */
  get asleep(): readonly Replica[] {
    return this.in('asleep', 'dozing').filter(({ sleep }) => !sleep.isWakeWanted);
  }

  /** Whether all that is there was told to end. */
  get isEnding(): boolean {
    return this.all.every(({ state }) => state === 'ending');
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Those that the platform counts: neither stopping nor gone. */
  get counted(): number {
    return this.all.filter(({ status }) => status.phase === 'starting' || status.phase === 'running').length;
  }

  /** What the platform says of one of them, else what its last probe saw. */
  get detail(): string | null {
    const all = this.all;
    return (
      all.find(({ status }) => status.reason !== undefined)?.status.reason ??
      all.find((replica) => replica.detail !== null)?.detail ??
      null
    );
  }

  get(id: string): Replica | undefined {
    return this.#byId.get(id);
  }

  in(...states: readonly Replica['state'][]): Replica[] {
    const found: Replica[] = [];
    for (const replica of this.#byId.values()) if (states.includes(replica.state)) found.push(replica);
    return found;
  }

  add(replica: Replica): void {
    this.#byId.set(replica.id, replica);
  }

  delete(id: string): void {
    this.#byId.delete(id);
  }

  /** No timer and no probe of them is left. */
  close(): void {
    for (const replica of this.all) replica.close();
    this.#byId.clear();
  }
}
