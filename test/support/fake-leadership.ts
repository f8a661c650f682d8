import type { Leadership } from '../../src/core/leadership.ts';

/** A Leadership that the test gives and takes. */
export class FakeLeadership implements Leadership {
  isLeader = true;
  lowersFromMs = 0;
  leader: string | null = null;
  reason: string | null = null;
  readonly #listeners = new Set<() => void>();

  /** Who listens. */
  get listeners(): number {
    return this.#listeners.size;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  lose(leader: string | null = 'other'): void {
    this.isLeader = false;
    this.leader = leader;
    this.reason = 'the lease is held by another';
    this.#tell();
  }

  /** Leads from now on, and may lower counts from `lowersFromMs`. */
  gain(lowersFromMs = 0): void {
    this.isLeader = true;
    this.leader = this.reason = null;
    this.lowersFromMs = lowersFromMs;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
