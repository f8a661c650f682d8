/** A moment of a start, in milliseconds since it began. */
export interface StartMoment {
  readonly name: string;
  readonly offsetMs: number;
}

/** How long it took from the moment before to this one. */
export interface StartPhase {
  readonly name: string;
  readonly durationMs: number;
}

/** The time between the moments of a start, in their order; the first counts from its beginning. */
export function phasesOf(moments: readonly StartMoment[]): StartPhase[] {
  let fromMs = 0;
  return [...moments]
    .sort((a, b) => a.offsetMs - b.offsetMs)
    .map(({ name, offsetMs }) => {
      const durationMs = offsetMs - fromMs;
      fromMs = offsetMs;
      return { name, durationMs };
    });
}

/** As a Server-Timing value (https://www.w3.org/TR/server-timing/), whose names are tokens: `pod-created;dur=35`. */
export function serverTimingOf(phases: readonly StartPhase[]): string {
  return phases
    .map(({ name, durationMs }) => `${name.replaceAll(/[^\w-]+/g, '-')};dur=${Math.round(durationMs)}`)
    .join(', ');
}

const keptReplicas = 64;

/** The phases of the last starts by replica, as text for those who waited for them. */
export class StartDetails {
  readonly #detailByReplica = new Map<string, string>();

  add(replicaId: string, moments: readonly StartMoment[]): void {
    this.#detailByReplica.delete(replicaId);
    this.#detailByReplica.set(replicaId, serverTimingOf(phasesOf(moments)));
    if (this.#detailByReplica.size <= keptReplicas) return;
    const [oldest] = this.#detailByReplica.keys();
    this.#detailByReplica.delete(oldest!);
  }

  /** Null: not known (any more). */
  get(replicaId: string): string | null {
    return this.#detailByReplica.get(replicaId) ?? null;
  }
}
