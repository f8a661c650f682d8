import type { Ladder } from './replica-host.ts';

/** How a replica was woken. */
export interface Woken {
  /** The name of the rung on which it stood. */
  readonly rung: string;
  /** From being asked for to ready. */
  readonly wakeMs: number;
  /** Whether other wakes from there may be expected to take as long: it lay there, and woke in the way of its rung. */
  readonly isLearned: boolean;
}

/** Where a replica stands on the ladder. */
export interface SleepView {
  /** The rung on which it stands, or is to; null: it is awake. */
  readonly rung: number | null;
  readonly rungName: string | null;
  /** The one that it stands on, which need not be that of the settings any more; null: it never slept. */
  readonly ladder: Ladder | null;
  /** Whether it has to be asked where it stands before anything else. */
  readonly isUnknown: boolean;
  /** Whether it is on its way: it is not probed meanwhile. */
  readonly isMoving: boolean;
  /** Whether it is on its way to a rung and will be woken there. */
  readonly isWakeWanted: boolean;
  /** Milliseconds since it was asked to wake; null: it was not. */
  readonly wakingForMs: number | null;
}

/** What a replica's sleep begins with, and what it tells. */
export interface SleepMoves {
  /** It was found, and may be asleep. */
  readonly isUnknown: boolean;
  /** It sleeps; `isNew`: it was put to sleep, or found so, and not only left there. */
  onAsleep(isNew: boolean): void;
  /** It is being woken, in one way or another. */
  onWaking(): void;
  /** It was woken, or is awake: what it takes is a probe. */
  onUp(): void;
}
