import type { ReplicaStatus, StartFault } from '../core/driver.ts';

/** The only step that comes after `ready`. */
const firstByte = 'first byte';

/** A moment of a start, in milliseconds since it began. */
export interface StartStep {
  readonly name: string;
  readonly offsetMs: number;
  /** What there is to say of it, in one line; absent: nothing. */
  readonly detail?: string;
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
  /** What kind of reason it is, where the driver could tell. */
  readonly fault: StartFault | null;
}

/** What is known of a start when it is seen to begin. */
export interface StartOptions {
  /** null: no replica came. */
  readonly replicaId: string | null;
  /** `nowMs`. */
  readonly beganAtMs: number;
  /** The same, since the Unix epoch. */
  readonly wallMs: number;
  /** Whether it was asked for, at a moment that is known: others tell nothing of how long a start takes. */
  readonly isLearned?: boolean;
}

/** One replica's way from being asked for to ready. */
export class Start {
  readonly replicaId: string | null;
  /** `nowMs`. */
  readonly beganAtMs: number;
  /** Whether future starts may be expected to take as long. */
  readonly isLearned: boolean;
  readonly #wallMs: number;
  readonly #steps: StartStep[] = [];
  #hasFirstByte = false;
  #outcome: StartOutcome = 'running';
  #totalMs: number | null = null;
  #reason: string | null = null;
  #fault: StartFault | null = null;

  constructor({ replicaId, beganAtMs, wallMs, isLearned = false }: StartOptions) {
    this.replicaId = replicaId;
    this.beganAtMs = beganAtMs;
    this.isLearned = isLearned;
    this.#wallMs = wallMs;
  }

  get isRunning(): boolean {
    return this.#outcome === 'running';
  }

  /** The last step, or null before the first. */
  get step(): string | null {
    return this.#steps.at(-1)?.name ?? null;
  }

  /** The last step on the way to ready, or null before the first. */
  get phase(): string | null {
    return this.#steps.findLast(({ name }) => name !== firstByte)?.name ?? null;
  }

  get steps(): readonly StartStep[] {
    return this.#steps;
  }

  /**
   * Records a step once; returns whether it was new. One that has ended takes none, but `first byte` once it is ready.
   */
  mark(name: string, atMs: number, detail?: string): boolean {
    const isOpen = this.isRunning || (this.#outcome === 'ready' && name === firstByte);
    if (!isOpen || this.#steps.some((step) => step.name === name)) return false;
    const said = detail === undefined ? {} : { detail };
    this.#steps.push({ name, offsetMs: Math.max(0, atMs - this.beganAtMs), ...said });
    return true;
  }

  /** Its first answered request has got its first byte; returns whether that was new. */
  markFirstByte(atMs: number): boolean {
    if (this.#hasFirstByte || this.isRunning) return false;
    this.#hasFirstByte = true;
    return this.mark(firstByte, atMs);
  }

  /** Ends it, once; returns the milliseconds it took. */
  finish(outcome: StartOutcome, nowMs: number, why?: { reason: string; fault: StartFault | null }): number {
    if (this.isRunning) {
      this.#outcome = outcome;
      this.#totalMs = nowMs - this.beganAtMs;
      this.#reason = why?.reason ?? null;
      this.#fault = why?.fault ?? null;
    }
    return this.#totalMs ?? 0;
  }

  /** Ends it as one that is wanted no more, or that the platform takes away: then with the reason that it gives. */
  stop({ phase, reason, fault }: ReplicaStatus, nowMs: number): void {
    const isTaken = phase === 'stopping' && reason !== undefined;
    this.finish('stopped', nowMs, isTaken ? { reason, fault: fault ?? null } : undefined);
  }

  record(): StartRecord {
    return {
      replicaId: this.replicaId,
      startedAtMs: this.#wallMs,
      steps: [...this.#steps],
      outcome: this.#outcome,
      phase: this.phase,
      totalMs: this.#totalMs,
      reason: this.#reason,
      fault: this.#fault,
    };
  }
}
