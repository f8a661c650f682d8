/** A moment of a start, in milliseconds since it began. */
export interface StartStep {
  readonly name: string;
  readonly offsetMs: number;
}

export type StartOutcome = 'running' | 'ready' | 'failed' | 'stopped';

/** One start as a waterfall, in plain JSON. */
export interface StartRecord {
  /** null: no replica came. */
  readonly replicaId: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  readonly steps: readonly StartStep[];
  readonly outcome: StartOutcome;
  /** The last step that it reached: where it is, or where it failed; null before the first. */
  readonly phase: string | null;
  /** Until its outcome, or null while it runs. */
  readonly totalMs: number | null;
  readonly reason: string | null;
}

/** One replica's way from being asked for to ready. */
export class Start {
  readonly replicaId: string | null;
  /** `nowMs`. */
  readonly beganAtMs: number;
  readonly #wallMs: number;
  readonly #steps: StartStep[] = [];
  #outcome: StartOutcome = 'running';
  #totalMs: number | null = null;
  #reason: string | null = null;

  constructor(replicaId: string | null, beganAtMs: number, wallMs: number) {
    this.replicaId = replicaId;
    this.beganAtMs = beganAtMs;
    this.#wallMs = wallMs;
  }

  get isRunning(): boolean {
    return this.#outcome === 'running';
  }

  /** The last step, or null before the first. */
  get step(): string | null {
    return this.#steps.at(-1)?.name ?? null;
  }

  get steps(): readonly StartStep[] {
    return this.#steps;
  }

  /** Records a step once; returns whether it was new. A start that has ended takes none. */
  mark(name: string, atMs: number): boolean {
    if (!this.isRunning || this.#steps.some((step) => step.name === name)) return false;
    this.#steps.push({ name, offsetMs: Math.max(0, atMs - this.beganAtMs) });
    return true;
  }

  /** Ends it, once; returns the milliseconds it took. */
  finish(outcome: StartOutcome, nowMs: number, reason: string | null = null): number {
    if (this.isRunning) {
      this.#outcome = outcome;
      this.#totalMs = nowMs - this.beganAtMs;
      this.#reason = reason;
    }
    return this.#totalMs ?? 0;
  }

  record(): StartRecord {
    return {
      replicaId: this.replicaId,
      startedAtMs: this.#wallMs,
      steps: [...this.#steps],
      outcome: this.#outcome,
      phase: this.step,
      totalMs: this.#totalMs,
      reason: this.#reason,
    };
  }
}
