/** What waits for its turn at a receiver. */
export interface LaneItem {
  /** The receiver: host and port. */
  readonly host: string;
  /** Of one job one is told at a time, in their order. */
  readonly jobId: string;
}

/** How many go out at once. */
export interface LaneLimits {
  readonly all: number;
  readonly perHost: number;
  /** To a host that did not answer the last time. */
  readonly perAilingHost: number;
  /** That wait for one host; what is more is not taken in. */
  readonly waitingPerHost: number;
}

interface Lane<Item> {
  readonly waiting: Item[];
  running: number;
  isAiling: boolean;
  /** How long tries took, in ms, smoothed. */
  meanMs: number;
  /** Turned away since it was last empty. */
  overflow: number;
}

const maxIdleLanes = 1_000;

/**
 * Turns at receivers: round by round, each host gets a few at once and one that does not answer a single one, so that a slow
 * receiver delays nobody's webhooks but its own.
 */
export class DeliveryLanes<Item extends LaneItem> {
  readonly #limits: LaneLimits;
  readonly #lanes = new Map<string, Lane<Item>>();
  readonly #runningJobs = new Set<string>();
  #running = 0;
  #waiting = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Those that wait or are on their way. */
  get size(): number {
    return this.#waiting + this.#running;
  }

  /** Takes one in. A number: its host has enough of them; how many ms it is best left alone. */
  add(item: Item): number | null {
    const lane = this.#laneOf(item.host);
    if (lane.waiting.length < this.#limits.waitingPerHost) {
      lane.waiting.push(item);
      this.#waiting++;
      return null;
    }
    lane.overflow++;
    return (lane.overflow * lane.meanMs) / this.#limitOf(lane);
  }

  /** The next whose turn it is, which runs from now on; null: nobody's. */
  next(): Item | null {
    if (this.#running >= this.#limits.all) return null;
    for (const [host, lane] of this.#lanes) {
      if (lane.running >= this.#limitOf(lane)) continue;
      const at = lane.waiting.findIndex(({ jobId }) => !this.#runningJobs.has(jobId));
      if (at === -1) continue;
      const [item] = lane.waiting.splice(at, 1);
      lane.running++;
      this.#running++;
      this.#waiting--;
      this.#runningJobs.add(item!.jobId);
      // The host goes to the end of the round.
      this.#lanes.delete(host);
      this.#lanes.set(host, lane);
      return item!;
    }
    return null;
  }

  /** One that ran is over: whether there was an answer (null: nothing was sent), and how long it took. */
  done(
    item: Item,
    { isAnswered, tookMs }: { readonly isAnswered: boolean | null; readonly tookMs: number },
  ): void {
    const lane = this.#lanes.get(item.host)!;
    lane.running--;
    this.#running--;
    this.#runningJobs.delete(item.jobId);
    if (isAnswered !== null) lane.isAiling = !isAnswered;
    lane.meanMs += (tookMs - lane.meanMs) / 8;
    if (lane.waiting.length === 0) lane.overflow = 0;
    if (this.#lanes.size > maxIdleLanes) this.#forgetIdle();
  }

  /** Takes out all that wait. */
  clear(): Item[] {
    const items = [...this.#lanes.values()].flatMap((lane) => lane.waiting.splice(0));
    this.#waiting = 0;
    return items;
  }

  #limitOf(lane: Lane<Item>): number {
    return lane.isAiling ? this.#limits.perAilingHost : this.#limits.perHost;
  }

  #laneOf(host: string): Lane<Item> {
    const found = this.#lanes.get(host);
    if (found !== undefined) return found;
    const lane = { waiting: [], running: 0, isAiling: false, meanMs: 100, overflow: 0 };
    this.#lanes.set(host, lane);
    return lane;
  }

  #forgetIdle(): void {
    for (const [host, lane] of this.#lanes) {
      if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(host);
      if (this.#lanes.size <= maxIdleLanes / 2) return;
    }
  }
}
