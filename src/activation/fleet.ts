import type { ReplicaStatus, TargetStatus } from '../core/driver.ts';
import { Count } from './count.ts';
import type { FleetOptions } from './fleet-options.ts';
import { Replica } from './replica.ts';
import { ReplicaList } from './replica-list.ts';
import { Start } from './start.ts';

/** The replicas of one target, as the driver tells of them, and the count that it is asked for. */
export class Fleet {
  readonly list = new ReplicaList();
  readonly count: Count;
  readonly #options: FleetOptions;
  /** Whether the platform replaces what is lost. */
  readonly #replacesLost: boolean;
  /** Exited replicas may stay in the driver's list; they must not come back to life here unless they run again. */
  readonly #exited = new Set<string>();
  /** Those that exited while they started and that the platform goes on trying, with the count as it is. */
  readonly #failing = new Set<string>();
  #status: TargetStatus = { replicas: [] };
  #freshSinceMs = 0;
  /** `nowMs` since which there were fewer than asked for; null while there are not. */
  #missingSinceMs: number | null = null;
  #failureTold: string | null = null;
  #cancelTelling: (() => void) | null = null;
  /** A start failed since one was ready, and its replacement was left to try. */
  #hasFailed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#replacesLost = options.driver.replacesLost;
    this.count = new Count({ ...options, list: this.list, status: () => this.#status });
  }

  /** Replicas that should be there: those asked for and those found; draining and ending ones are not counted. */
  get asked(): number {
    return this.count.asked;
  }

  /** Those of `asked` that are there or on their way; not those that the platform goes on trying in vain. */
  get viable(): number {
    if (!this.#replacesLost) return this.asked;
    if (this.#status.failure !== undefined) return this.list.living.length;
    return Math.max(this.list.living.length, this.asked - this.#failing.size);
  }

  /** Those of `viable` that may become ready yet, within `ready.startup`; those that had the time, or sleep, are not waited for. */
  get starting(): number {
    const { clock, settings } = this.#options.host;
    const { living, ready, asleep } = this.list;
    const sinceMs = Math.max(this.#missingSinceMs ?? clock.nowMs(), this.count.askedAtMs ?? 0);
    const isOverdue = clock.nowMs() >= sinceMs + settings().ready.startupMs;
    const expected = isOverdue ? Math.min(living.length, this.viable) : this.viable;
    const late = living.filter(({ isLate }) => isLate).length;
    return Math.max(0, Math.min(this.asked, expected - late) - ready - asleep.length);
  }

  /** Whether more are asked for than are there. */
  get isMissing(): boolean {
    return this.asked > this.list.living.length;
  }

  /** Whether nothing is there and nothing is asked for. */
  get isGone(): boolean {
    return this.asked === 0 && this.list.size === 0;
  }

  /** Whether its replicas are there whatever is asked for. */
  get isFixed(): boolean {
    return this.#options.driver.isFixed;
  }

  /** What the driver told last. */
  get status(): TargetStatus {
    return this.#status;
  }

  /** `nowMs` since which what the driver tells is not stale; null while it is. */
  get freshSinceMs(): number | null {
    return this.#status.isStale === true ? null : this.#freshSinceMs;
  }

  /** What holds a start up, in one line; null: nobody said so. */
  get detail(): string | null {
    return this.#status.failure ?? this.list.detail;
  }

  update(status: TargetStatus): void {
    const { listener, host } = this.#options;
    const isFresh = status.isStale !== true;
    if (isFresh && this.#status.isStale === true) this.#freshSinceMs = host.clock.nowMs();
    this.#status = status;
    // Before the replicas: what is done about them is told to the driver, and this status is from before.
    if (isFresh && this.#replacesLost) this.count.follow(status);
    const listed = new Set(status.replicas.map(({ id }) => id));
    if (isFresh) for (const id of this.#exited) if (!listed.has(id)) this.#forgetExited(id);
    if (this.list.ready > 0) this.#hasFailed = false;
    for (const replica of status.replicas) this.#updateOne(replica);
    if (isFresh) for (const replica of this.list.all) if (!listed.has(replica.id)) this.#exit(replica);
    if (this.#replacesLost) this.count.settle();
    else this.count.asked = Math.max(this.asked, this.list.living.length);
    this.#missingSinceMs = this.isMissing ? (this.#missingSinceMs ?? host.clock.nowMs()) : null;
    if ((isFresh || isAnswered(status)) && this.#isFailed(status)) listener.onTargetFailure(status);
    listener.onChange();
  }

  /**
   * Somebody asks. Where the target cannot be looked at no status will follow: what stands is told again, once
   * whoever asked waits.
   */
  wanted(): void {
    const { host, listener } = this.#options;
    // One that is set goes on: set anew by each who comes, it would never fire in a flood of them.
    this.#cancelTelling ??= host.clock.setTimer(host.clock.nowMs(), () => {
      this.#cancelTelling = null;
      const isUnseen = this.#status.isStale === true && isAnswered(this.#status);
      if (isUnseen && (this.isMissing || !this.count.isKnown)) listener.onTargetFailure(this.#status);
    });
  }

  /** The start of this one failed: one less is asked for, and it ends. Where the count stands, it may go on trying. */
  giveUp(replica: Replica): void {
    if (!this.#replacesLost) {
      this.count.end([replica]);
      return;
    }
    const others = this.list.living.filter((one) => one !== replica);
    const ordinalOf = ({ status }: Replica) => status.ordinal ?? -1;
    const isOrdered = this.#status.removal === 'highest-ordinal';
    const isBelow = isOrdered && others.some((one) => ordinalOf(one) > ordinalOf(replica));
    // A replacement gets its try (it may be of a newer template); that of one that failed as well does not.
    const isVain = this.#hasFailed && this.list.ready === 0 && this.asked > 0;
    const isReplaced = others.length >= this.asked && !isVain;
    this.#hasFailed = true;
    if (isReplaced || isBelow || !this.#mayGiveUp) {
      this.#startOver(replica);
      return;
    }
    this.#hasFailed = false;
    this.count.asked--;
    if (replica.state !== 'ending') replica.end();
    this.count.settle();
  }

  /** Takes back what was asked for and did not come. */
  forgetPending(): void {
    if (this.#replacesLost && !this.#mayGiveUp) return;
    const living = this.list.living.length;
    this.count.asked = this.#replacesLost ? Math.min(this.asked, living) : living;
    this.count.awaited = 0;
    this.count.scale();
  }

  get #mayGiveUp(): boolean {
    return this.count.mayLower && this.#options.host.settings().scale.owner !== 'external';
  }

  /** No timer and no probe is left. */
  close(): void {
    this.#cancelTelling?.();
    this.count.close();
    this.list.close();
  }

  /** Where the count stands, a failure stands too: it is told once, and again when more are asked for. */
  #isFailed({ failure }: TargetStatus): boolean {
    if (failure === undefined || (!this.isMissing && this.count.isKnown)) return false;
    const key = `${this.count.askedAtMs} ${failure}`;
    if (this.#replacesLost && key === this.#failureTold) return false;
    this.#failureTold = key;
    return true;
  }

  /** It is seen as new, if it is there. */
  #startOver(replica: Replica): void {
    if (this.list.get(replica.id) !== replica) {
      this.#failing.add(replica.id);
      return;
    }
    replica.close();
    this.list.delete(replica.id);
    this.#updateOne(replica.status);
    this.list.get(replica.id)?.extend(this.#options.host.settings().ready.startupMs);
  }

  #forgetExited(id: string): void {
    this.#exited.delete(id);
    this.#failing.delete(id);
  }

  #updateOne(status: ReplicaStatus): void {
    const isGone = this.#exited.has(status.id) && !this.list.get(status.id);
    if (isGone && (status.phase === 'exited' || (this.#replacesLost && status.phase !== 'running'))) return;
    // A start that nobody asks for any more and that ended before it was seen is none.
    if (status.phase === 'exited' && !this.list.get(status.id) && this.asked === 0) {
      this.#exited.add(status.id);
      return;
    }
    const replica = this.list.get(status.id) ?? this.#begin(status);
    const wasOurs = replica.state === 'ending' || replica.state === 'draining';
    replica.update(status);
    const isLost = !wasOurs && this.list.in('ending').includes(replica);
    if (isLost && !this.#replacesLost) this.count.asked = Math.max(0, this.asked - 1);
    if (status.phase !== 'exited') return;
    this.#exited.add(status.id);
    this.#exit(replica);
  }

  #begin(status: ReplicaStatus): Replica {
    const { host, listener } = this.#options;
    const nowMs = host.clock.nowMs();
    const { askedAtMs } = this.count;
    const isAwaited = !this.#replacesLost || (this.count.awaited > 0 && !this.#exited.has(status.id));
    if (isAwaited) this.count.awaited--;
    this.#forgetExited(status.id);
    const beganAtMs = host.isFixed || !isAwaited ? nowMs : (askedAtMs ?? nowMs);
    const isLearned = !host.isFixed && isAwaited && askedAtMs !== null;
    const wallMs = host.clock.wallMs() - (nowMs - beganAtMs);
    const start = new Start({ replicaId: status.id, beganAtMs, wallMs, isLearned });
    const replica = new Replica(host, status, start);
    this.list.add(replica);
    listener.onBegin(start);
    return replica;
  }

  #exit(replica: Replica): void {
    const isExpected = replica.state === 'ending' || replica.state === 'draining';
    this.list.delete(replica.id);
    this.count.forget(replica);
    if (isExpected) replica.end();
    else if (!this.#replacesLost) this.count.asked = Math.max(0, this.asked - 1);
    replica.close();
    this.#options.listener.onExit(replica, isExpected);
  }
}

/**
 * Whether the platform has said why there is nothing to be seen, so that waiting for sight of it is vain: it may not be
 * looked at, there is no such thing, or it is another's to scale.
 */
function isAnswered({ fault }: TargetStatus): boolean {
  return fault === 'forbidden' || fault === 'missing' || fault === 'contended';
}
