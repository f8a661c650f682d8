/** What a job door asks of its gate, and tells it. */
export interface JobDoorOptions {
  /** Free slots that nobody waits for; Infinity where a replica has no limit. */
  spare(): number;
  /** So many jobs are queued now. */
  onQueued(jobs: number, before: number): void;
}

/**
 * Where jobs come to a gate from. They are queued elsewhere (in a store), count as if they waited here, and enter in class 3
 * as slots come free.
 */
export class JobDoor {
  /** Told when slots may be free that nobody waits for: who has jobs for them asks for `spare` soon. Must not call the gate. */
  onSpare: (() => void) | null = null;
  readonly #options: JobDoorOptions;
  #queued = 0;

  constructor(options: JobDoorOptions) {
    this.#options = options;
  }

  /** Jobs that are to come and may wake the model. */
  get queued(): number {
    return this.#queued;
  }

  set queued(jobs: number) {
    const before = this.#queued;
    this.#queued = jobs;
    if (jobs !== before) this.#options.onQueued(jobs, before);
  }

  /** Free slots that nobody waits for; Infinity where a replica has no limit. */
  get spare(): number {
    return this.#options.spare();
  }

  /** Another gate serves the model: jobs come there from now on. */
  giveTo(to: JobDoor): void {
    const { queued, onSpare } = this;
    this.onSpare = null;
    this.queued = 0;
    if (onSpare === null) return;
    to.onSpare = onSpare;
    to.queued = queued;
    onSpare();
  }
}
