import type { Driver, ReplicaStatus, ScaleRequest, Target, TargetStatus } from '../../src/core/driver.ts';

/** What kind of driver is played. */
export type FakeDriverOptions = Partial<Pick<Driver, 'isFixed' | 'canReplace' | 'replacesLost'>> & {
  /** Where `replacesLost`: the count that stands before anybody asks. */
  readonly desired?: number;
};

/**
 * A Driver whose replicas start, run and exit when the test says so; it obeys `scale` at once. With `replacesLost` it
 * has a count that others may change, and `control` makes up for what is missing or too many, as a controller does.
 */
export class FakeDriver implements Driver {
  readonly name = 'fake';
  readonly isFixed: boolean;
  readonly canReplace: boolean;
  readonly replacesLost: boolean;
  readonly requests: ScaleRequest[] = [];
  /** While set, `scale` rejects with it. */
  scaleError: Error | null = null;
  watchers = 0;
  /** What of the target's status is told besides the replicas. */
  told: Partial<Omit<TargetStatus, 'replicas' | 'desired'>> = {};
  /** While true, `scale` only takes the count, and `control` does the rest. */
  isLate = false;
  /** With `replacesLost`: the count that stands. */
  desired: number;
  readonly #replicas = new Map<string, ReplicaStatus>();
  #failure: string | null = null;
  #onStatus: ((status: TargetStatus) => void) | null = null;
  #failWatch: ((error: Error) => void) | null = null;
  #made = 0;

  /** Like the process driver unless told otherwise. */
  constructor({
    isFixed = false,
    canReplace = !isFixed,
    replacesLost = false,
    desired = 0,
  }: FakeDriverOptions = {}) {
    this.desired = desired;
    this.isFixed = isFixed;
    this.canReplace = canReplace;
    this.replacesLost = replacesLost;
  }

  /** The counts that were asked for, in order. */
  get counts(): number[] {
    return this.requests.map(({ replicas }) => replicas);
  }

  /** Ids of the replicas that are there and were not told to end. */
  get living(): string[] {
    return [...this.#replicas.values()]
      .filter(({ phase }) => phase === 'starting' || phase === 'running')
      .map(({ id }) => id);
  }

  async scale(_target: Target, request: ScaleRequest): Promise<void> {
    this.requests.push(request);
    if (this.scaleError) throw this.scaleError;
    this.#failure = null;
    this.desired = request.replicas;
    if (!this.isLate) this.control(request);
    this.publish();
  }

  /** Ends those that are too many, and makes those that are missing. */
  control(request: ScaleRequest = { replicas: this.desired }): void {
    const living = this.living;
    const victims = living.toSorted((a, b) => this.#rank(b, request) - this.#rank(a, request));
    for (const id of victims.slice(0, Math.max(0, living.length - request.replicas)))
      this.#set(id, { phase: 'stopping' });
    for (let missing = request.replicas - living.length; missing > 0; missing--) this.add();
  }

  /** Somebody else asks for this count. */
  byOthers(count: number): void {
    this.desired = count;
    this.publish();
  }

  statusOf(id: string): ReplicaStatus | undefined {
    return this.#replicas.get(id);
  }

  /** Changes what is told of one replica. */
  change(id: string, change: Partial<ReplicaStatus>): void {
    this.#set(id, change);
    this.publish();
  }

  async watch(_target: Target, onStatus: (status: TargetStatus) => void, signal: AbortSignal): Promise<void> {
    this.#onStatus = onStatus;
    this.watchers++;
    this.publish();
    const ended = Promise.withResolvers<void>();
    this.#failWatch = ended.reject;
    signal.addEventListener('abort', () => ended.resolve(), { once: true });
    try {
      await ended.promise;
    } finally {
      this.watchers--;
      this.#onStatus = null;
    }
  }

  async close(): Promise<void> {
    this.#replicas.clear();
  }

  /** A new replica in phase `starting`, with the next id (r1, r2, ...) and the lowest ordinal that is free. */
  add(): string {
    const id = `r${++this.#made}`;
    const taken = new Set([...this.#replicas.values()].map(({ ordinal }) => ordinal));
    let ordinal = 0;
    while (taken.has(ordinal)) ordinal++;
    this.#replicas.set(id, { id, origin: null, phase: 'starting', steps: [], ordinal });
    return id;
  }

  run(id: string, spawnedAtMs = 0): void {
    const steps = [{ name: 'spawned', atMs: spawnedAtMs }];
    this.#set(id, { phase: 'running', origin: `http://127.0.0.1/${id}`, steps });
    this.publish();
  }

  print(id: string, output: readonly string[]): void {
    this.#set(id, { output });
    this.publish();
  }

  exit(id: string, reason = 'exited with code 1'): void {
    this.#set(id, { phase: 'exited', reason });
    this.publish();
    this.#replicas.delete(id);
    this.publish();
  }

  /** Those that were told to end do. */
  endStopping(): void {
    for (const { id, phase } of [...this.#replicas.values()])
      if (phase === 'stopping') this.exit(id, 'ended');
  }

  fail(failure: string): void {
    this.#failure = failure;
    this.#replicas.clear();
    this.publish();
  }

  /** Ends the running watch with an error. */
  failWatch(error: Error): void {
    this.#failWatch?.(error);
  }

  publish(): void {
    const replicas = [...this.#replicas.values()];
    this.#onStatus?.({
      replicas,
      ...this.told,
      ...(this.replacesLost ? { desired: this.desired } : {}),
      ...(this.#failure === null ? {} : { failure: this.#failure }),
    });
  }

  #rank(id: string, { victims = [] }: ScaleRequest): number {
    if (this.told.removal === 'highest-ordinal') return this.#replicas.get(id)?.ordinal ?? -1;
    // A controller ends those that are not ready first, whatever it is asked.
    if (this.replacesLost && this.#replicas.get(id)?.phase === 'starting') return 2;
    return victims.includes(id) ? 1 : 0;
  }

  #set(id: string, change: Partial<ReplicaStatus>): void {
    const before = this.#replicas.get(id);
    if (before) this.#replicas.set(id, { ...before, ...change });
  }
}
