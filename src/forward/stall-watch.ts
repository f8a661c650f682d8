import type { Cancel, Clock } from '../core/clock.ts';

/** What a stall watch is told and tells. */
export interface StallWatchOptions {
  readonly clock: Clock;
  /** Silence on all of a replica's running requests that counts as a stall; 0 = never. Changed by `configure`. */
  readonly stallMs: number;
  readonly onStalled: (replicaId: string) => void;
}

interface Activity {
  running: number;
  lastByteAtMs: number;
}

const checksPerStall = 10;

/**
 * Notices a replica that has requests running and sends no byte on any of them: each one's own time-out says nothing of
 * the replica. One timer for all of a revision's replicas, and none while nothing runs.
 */
export class StallWatch {
  readonly #options: StallWatchOptions;
  readonly #activityById = new Map<string, Activity>();
  #stallMs: number;
  #cancel: Cancel | null = null;

  constructor(options: StallWatchOptions) {
    this.#options = options;
    this.#stallMs = options.stallMs;
  }

  /** Takes another limit, for what runs as well. */
  configure(stallMs: number): void {
    this.#stallMs = stallMs;
    this.#cancel?.();
    this.#cancel = null;
    if (this.#isBusy) this.#schedule();
  }

  /** A request goes to a replica. */
  began(replicaId: string, nowMs: number): void {
    const activity = this.#activityById.get(replicaId);
    if (activity === undefined) this.#add(replicaId, nowMs);
    else if (++activity.running === 1) activity.lastByteAtMs = nowMs;
    this.#schedule();
  }

  /** Entries stay while their replica may get more: taken out with each last request, they would wear out the map. */
  #add(replicaId: string, nowMs: number): void {
    for (const [id, { running }] of this.#activityById) if (running === 0) this.#activityById.delete(id);
    this.#activityById.set(replicaId, { running: 1, lastByteAtMs: nowMs });
  }

  get #isBusy(): boolean {
    return [...this.#activityById.values()].some(({ running }) => running > 0);
  }

  /** Bytes came from it. */
  heard(replicaId: string, nowMs: number): void {
    const activity = this.#activityById.get(replicaId);
    if (activity !== undefined) activity.lastByteAtMs = nowMs;
  }

  /** A request there has ended. */
  ended(replicaId: string): void {
    const activity = this.#activityById.get(replicaId);
    if (activity !== undefined && activity.running > 0) activity.running--;
  }

  #schedule(): void {
    const { clock } = this.#options;
    const stallMs = this.#stallMs;
    if (stallMs === 0) return;
    this.#cancel ??= clock.setTimer(clock.nowMs() + stallMs / checksPerStall, () => {
      this.#cancel = null;
      this.#check(clock.nowMs());
      if (this.#isBusy) this.#schedule();
    });
  }

  #check(nowMs: number): void {
    const stallMs = this.#stallMs;
    for (const [replicaId, activity] of this.#activityById) {
      if (activity.running === 0 || nowMs - activity.lastByteAtMs < stallMs) continue;
      // Told once for each stall: the next one must last as long again.
      activity.lastByteAtMs = nowMs;
      this.#options.onStalled(replicaId);
    }
  }

  close(): void {
    this.#cancel?.();
    this.#activityById.clear();
  }
}
