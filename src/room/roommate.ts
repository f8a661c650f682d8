import type { Activator } from '../activation/activator.ts';
import type { ModelSettings } from '../config/settings.ts';
import type { Needs, Place } from '../core/room.ts';
import type { LocalReplica } from '../gpu/gpu-use.ts';
import type { PeakMemory } from '../gpu/peak-memory.ts';

/** A revision at work, as far as it takes part in what all models share. */
export interface RoommateRuntime {
  readonly settings: ModelSettings;
  readonly activator: Pick<Activator, 'replicas'>;
  /** `nowMs` at which the next request is expected; null: not known. */
  returnAtMs(): number | null;
}

const none: Needs = { gpus: 0, memoryBytes: null, hostBytes: 0, pool: null };

/** A revision that takes part: what it needs, and where its replicas run. */
export class Roommate {
  /** `Target.id`. */
  readonly targetId: string;
  /** More memory than its needs say, after a start that had not enough. */
  extraBytes = 0;
  readonly #runtime: RoommateRuntime;
  readonly #peaks: PeakMemory;
  readonly #placeByReplica = new Map<string, Place>();

  constructor(targetId: string, runtime: RoommateRuntime, peaks: PeakMemory) {
    this.targetId = targetId;
    this.#runtime = runtime;
    this.#peaks = peaks;
  }

  get model(): string {
    return this.#runtime.settings.name;
  }

  /** Whether it takes part in the GPUs at all. */
  get hasNeeds(): boolean {
    return this.#runtime.settings.revision.needs !== null;
  }

  get isLearned(): boolean {
    return this.#runtime.settings.revision.needs?.isLearned === true;
  }

  /** The most memory that was seen; null: nothing is known. */
  get peakBytes(): number | null {
    return this.#peaks.peakBytes(this.#key);
  }

  get replicas(): readonly LocalReplica[] {
    const { replicas } = this.#runtime.activator;
    return replicas.map(({ id, pid, state }) => ({ id, pid, isReady: state === 'ready' }));
  }

  /** What a replica needs now; `mostBytes`: as much as the largest GPU has. */
  needsNow(mostBytes: number): Needs {
    const written = this.#runtime.settings.revision.needs;
    if (written === null) return none;
    const needs = written.isLearned ? this.#peaks.fill(this.#key, written) : written;
    if (needs.memoryBytes === null || this.extraBytes === 0) return needs;
    const memoryBytes = needs.memoryBytes + this.extraBytes;
    return { ...needs, memoryBytes: memoryBytes > mostBytes ? null : memoryBytes };
  }

  /** A replica of it was seen to hold so much of a GPU. */
  observe(bytes: number, isReady: boolean): void {
    if (this.isLearned) this.#peaks.observe(this.#key, bytes, isReady);
  }

  /** What is known of its memory was too little. */
  unlearn(): void {
    this.#peaks.forget(this.#key);
  }

  /** Where one of its replicas runs, or ran last; undefined: nowhere that is known. */
  placeOf(replicaId: string): Place | undefined {
    return this.#placeByReplica.get(replicaId);
  }

  /** One more runs there. */
  placed(replicaId: string, place: Place): void {
    const there = new Set(this.replicas.map(({ id }) => id));
    for (const id of this.#placeByReplica.keys()) if (!there.has(id)) this.#placeByReplica.delete(id);
    this.#placeByReplica.set(replicaId, place);
  }

  get #key(): string {
    const { name, revision } = this.#runtime.settings;
    return `${name}/${revision.name}`;
  }
}
