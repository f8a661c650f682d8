import type { JobDoor } from '../admission/job-door.ts';
import type { JobPriority } from '../core/job.ts';

/** Jobs of a model that has no limit of its own are at most so many at once. */
const mostWithoutLimit = 100;
/** A claim takes at most so many. */
const mostAtOnce = 64;

/** What is queued of one model, and who of it is on the way to its gate. */
export class Lot {
  readonly model: string;
  /** A claim may find some. */
  mayHave = true;
  isClaiming = false;
  readonly #onSpare: () => void;
  #door: JobDoor | null = null;
  #goneSinceMs: number | null = null;
  /** Those that may wake the model; and all of them. */
  #wakers = 0;
  #queued = 0;
  /** Claimed, and not at the gate yet. */
  #arriving = 0;
  #running = 0;

  constructor(model: string, onSpare: () => void) {
    this.model = model;
    this.#onSpare = onSpare;
  }

  /** All that are queued, as far as is known. */
  get queued(): number {
    return this.#queued;
  }

  /** How many may be claimed now. */
  get room(): number {
    const spare = this.#door?.spare ?? 0;
    const free =
      spare === Number.POSITIVE_INFINITY ? mostWithoutLimit - this.#running : spare - this.#arriving;
    return Math.min(mostAtOnce, free);
  }

  /** The door of the gate that serves the model now; null: there is no such model. */
  meet(door: JobDoor | null, nowMs: number): void {
    this.#goneSinceMs = door === null ? (this.#goneSinceMs ?? nowMs) : null;
    if (door !== this.#door) this.#leave();
    this.#door = door;
    this.#ask();
  }

  /** How long there has been no such model, in ms; null: there is one. */
  goneForMs(nowMs: number): number | null {
    return this.#goneSinceMs === null ? null : nowMs - this.#goneSinceMs;
  }

  /** So many are queued, by rank. */
  tell([high, normal, low]: readonly [number, number, number]): void {
    this.#queued = high + normal + low;
    this.#wakers = high + normal;
    this.#ask();
  }

  /** The gate tells of free slots only where there is something for them. */
  #ask(): void {
    if (this.#door === null) return;
    if (this.mayHave || this.#queued > 0) this.#door.onSpare = this.#onSpare;
    else this.#leave();
    this.#door.queued = this.#wakers;
  }

  /** One was claimed. */
  took(priority: JobPriority): void {
    this.#arriving++;
    this.#running++;
    this.#queued = Math.max(0, this.#queued - 1);
    if (priority !== 'low') this.#wakers = Math.max(0, this.#wakers - 1);
  }

  /** One that was claimed is at the gate, or does not go there: from now on the gate counts it. */
  entered(): void {
    this.#arriving--;
    this.#ask();
  }

  /** One does not run any more. */
  ended(): void {
    this.#running--;
  }

  /** Asks for nothing any more. */
  close(): void {
    this.#leave();
    this.#door = null;
  }

  #leave(): void {
    if (this.#door?.onSpare !== this.#onSpare) return;
    this.#door.onSpare = null;
    this.#door.queued = 0;
  }
}
