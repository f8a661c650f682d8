/** The part of a simulation that counts, in milliseconds since the trace began. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Milliseconds of replicas, by what they did. */
export interface ReplicaTime {
  /** At least one request ran there. */
  readonly busyMs: number;
  /** Ready, and nothing ran there. */
  readonly idleMs: number;
  /** From being asked for to ready. */
  readonly loadingMs: number;
}

/** What a replica does. */
export type Doing = 'busy' | 'idle' | 'loading';

/** A replica did this from then to then, in milliseconds since the trace began. */
export type OnSpell = (doing: Doing, fromMs: number, toMs: number) => void;

interface Entry {
  doing: Doing;
  sinceMs: number;
  inFlight: number;
}

/** What the replicas of one model did within the window. Cheap where nothing changes but the number of requests. */
export class Ledger implements ReplicaTime {
  busyMs = 0;
  idleMs = 0;
  loadingMs = 0;
  /** Replicas that were created within the window. */
  starts = 0;
  /** Replicas that went for another model's sake within the window. */
  evictions = 0;
  readonly #window: Window;
  readonly #onSpell: OnSpell | null;
  readonly #entryById = new Map<string, Entry>();

  constructor(window: Window, onSpell: OnSpell | null = null) {
    this.#window = window;
    this.#onSpell = onSpell;
  }

  created(id: string, nowMs: number): void {
    this.#entryById.set(id, { doing: 'loading', sinceMs: nowMs, inFlight: 0 });
    if (this.#isWithin(nowMs)) this.starts++;
  }

  evicted(count: number, nowMs: number): void {
    if (this.#isWithin(nowMs)) this.evictions += count;
  }

  ready(id: string, nowMs: number): void {
    const entry = this.#entryById.get(id);
    if (entry?.doing === 'loading') this.#become(entry, 'idle', nowMs);
  }

  granted(id: string, nowMs: number): void {
    const entry = this.#entryById.get(id);
    if (entry === undefined) return;
    entry.inFlight++;
    if (entry.doing !== 'busy') this.#become(entry, 'busy', nowMs);
  }

  released(id: string, nowMs: number): void {
    const entry = this.#entryById.get(id);
    if (entry === undefined) return;
    entry.inFlight--;
    if (entry.inFlight === 0) this.#become(entry, 'idle', nowMs);
  }

  ended(id: string, nowMs: number): void {
    const entry = this.#entryById.get(id);
    if (entry === undefined) return;
    this.#become(entry, 'idle', nowMs);
    this.#entryById.delete(id);
  }

  /** Counts what the replicas that are still there did until now. */
  close(nowMs: number): void {
    for (const id of [...this.#entryById.keys()]) this.ended(id, nowMs);
  }

  #isWithin(nowMs: number): boolean {
    return nowMs >= this.#window.fromMs && nowMs <= this.#window.toMs;
  }

  #become(entry: Entry, doing: Doing, nowMs: number): void {
    const { fromMs, toMs } = this.#window;
    const ms = Math.max(0, Math.min(nowMs, toMs) - Math.max(entry.sinceMs, fromMs));
    if (entry.doing === 'busy') this.busyMs += ms;
    else if (entry.doing === 'idle') this.idleMs += ms;
    else this.loadingMs += ms;
    this.#onSpell?.(entry.doing, entry.sinceMs, nowMs);
    entry.doing = doing;
    entry.sinceMs = nowMs;
  }
}
