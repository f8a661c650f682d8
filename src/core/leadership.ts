/** Whether this gateway is the one of its group that admits requests and writes replica counts. */
export interface Leadership {
  /** False: it admits nothing and scales nothing; what it admitted before goes on. */
  readonly isLeader: boolean;
  /** `nowMs` before which no count may be lowered: the one that led before may still be serving. 0 from the start. */
  readonly lowersFromMs: number;
  /** Who leads, for people; null: nobody is known to. */
  readonly leader: string | null;
  /** Why this one does not lead, in one line; null while it does. */
  readonly reason: string | null;
  /** Calls `listener` after each change until the function that it returns is called. */
  onChange(listener: () => void): () => void;
}

/** Of a gateway that has no group: it always leads. */
export const soleLeadership: Leadership = {
  isLeader: true,
  lowersFromMs: 0,
  leader: null,
  reason: null,
  onChange: () => () => undefined,
};
