import type { TargetStatus } from '../core/driver.ts';
import { CountWriter } from './count-writer.ts';
import type { FleetOptions } from './fleet-options.ts';
import { GaugeCheck } from './gauge-check.ts';
import { OneTimer } from './one-timer.ts';
import { endableOf, endsBusy, type RemovalView, takenBackOf, victimsOf } from './removal.ts';
import type { Replica } from './replica.ts';
import type { ReplicaList } from './replica-list.ts';

/** What a count is kept with. */
export interface CountOptions extends FleetOptions {
  readonly list: ReplicaList;
  /** What the driver told last. */
  status(): TargetStatus;
}

/** Between two looks at whether a draining replica's last request has ended. */
const drainCheckMs = 50;

/**
 * The count that the driver is asked for: `asked` and, until they have ended, those that drain. Where the platform
 * replaces what is lost (`replacesLost`), `asked` is a number of its own, which only raising, lowering, giving up and
 * others change, whatever replicas come and go.
 */
export class Count {
  /** Replicas that should be there: draining and ending ones are not counted. */
  asked = 0;
  /** Asked for and not seen yet. */
  awaited = 0;
  readonly #options: CountOptions;
  readonly #replacesLost: boolean;
  readonly #writer: CountWriter;
  readonly #gauges: GaugeCheck;
  readonly #drainTimer: OneTimer;
  #isKnown: boolean;
  /** How much of the count is there for those that drain; more may drain, as a rolling update's surplus. */
  #reserved = 0;
  #askedAtMs: number | null = null;

  constructor(options: CountOptions) {
    this.#options = options;
    const { driver, target, gauge, host, listener, signal } = options;
    this.#drainTimer = new OneTimer(host.clock);
    this.#replacesLost = driver.replacesLost;
    this.#isKnown = !driver.replacesLost;
    this.#writer = new CountWriter({
      driver,
      target,
      clock: host.clock,
      signal,
      onFailed: (error) => listener.onScaleFailed(error),
      onRetry: () => this.scale(),
      onStood: () => this.settle(),
    });
    this.#gauges = new GaugeCheck({
      gauge,
      isAsked: () => host.settings().asksGauge,
      onBusy: (replica, running) => this.#keep(replica, running),
      onFree: () => this.settle(),
    });
  }

  /** `nowMs` of the last raise. */
  get askedAtMs(): number | null {
    return this.#askedAtMs;
  }

  /** Whether the count that stands is known, so that another may be asked for. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /**
   * Asks for `count` replicas; draining ones are taken back first. When more are asked for than before, `onRaise` is
   * called, before the driver, which may tell of a failure at once.
   */
  raise(count: number, onRaise: () => void): void {
    if (count <= this.asked) return;
    const back = takenBackOf(this.#options.list.in('draining')).slice(0, count - this.asked);
    const held = this.#replacesLost ? Math.min(this.#reserved, back.length) : back.length;
    const isEnough = this.asked + held === count;
    this.awaited = count - this.asked - held;
    this.asked = count;
    this.#reserved = Math.max(0, this.#reserved - back.length);
    if (!isEnough) this.#askedAtMs = this.#options.host.clock.nowMs();
    onRaise();
    this.#takeBack(back);
    if (!isEnough) this.scale();
  }

  /** Whether the count may go down at all: it is known, what is known is not stale, and this gateway may. */
  get mayLower(): boolean {
    return this.#isKnown && this.#options.status().isStale !== true && this.#options.listener.mayLower();
  }

  /** False where anybody may end, and one is busy. */
  get canLower(): boolean {
    return this.#view.removal !== 'unknown' || this.#options.host.gate.inFlight === 0;
  }

  /**
   * Makes `count` the number that is asked for, by draining the others (removal.ts), `first` before any, and ending each
   * when its last request has ended.
   */
  lower(count: number, first: readonly string[] = []): void {
    const isStarting = ({ state }: Replica) => state === 'starting';
    const living = this.#options.list.living.filter((one) => this.#replacesLost || !isStarting(one));
    const surplus = this.#replacesLost ? living.length - count : this.asked - count;
    const victims = victimsOf(living, surplus, { ...this.#view, first });
    for (const victim of victims) victim.drain();
    this.#gauges.add(this.#view.removal === 'unknown' && surplus > 0 ? living : victims);
    const lowered = this.#replacesLost ? this.asked - count : victims.length;
    this.asked -= lowered;
    this.#reserved += lowered;
    this.settle();
  }

  /** Drains all, those that start included; what was asked for and is not there yet is not asked for any more. */
  drainAll(): void {
    for (const replica of this.#options.list.all) {
      this.#gauges.forget(replica.id);
      if (replica.state !== 'ending') replica.drain();
    }
    const hadPending = this.asked > 0;
    this.#reserved += this.asked;
    this.asked = 0;
    this.settle();
    if (hadPending && this.#options.list.in('draining').length === 0) this.scale();
  }

  /** Ends these now, whatever runs on them. */
  end(replicas: readonly Replica[]): void {
    for (const replica of replicas) {
      if (replica.state === 'ending') continue;
      if (replica.state !== 'draining') this.asked = Math.max(0, this.asked - 1);
      this.#gauges.forget(replica.id);
      replica.end();
    }
    this.scale();
  }

  /** Ends what has drained, as far as it may. */
  settle(): void {
    this.#drainTimer.cancel();
    const { host, listener } = this.#options;
    if (this.#replacesLost) this.#reclaim();
    const draining = this.#options.list.in('draining');
    const mayLower = !this.#replacesLost || this.mayLower;
    const isLower = ({ length }: readonly Replica[]) =>
      !this.#replacesLost || this.asked + Math.min(this.#reserved, draining.length - length) < this.#told;
    const endable = mayLower ? endableOf(draining, this.#options.list.living, this.#view) : [];
    const asked = isLower(endable) ? endable.filter((replica) => this.#gauges.isFree(replica)) : [];
    const isWhole = this.#view.removal === 'victims' || asked.length === endable.length;
    const done = isWhole && isLower(asked) ? asked : [];
    if (done.length > 0) this.end(done);
    else if (this.#replacesLost && listener.mayScale()) this.scale();
    const left =
      this.#options.list.in('draining').length > 0 || (this.#replacesLost && this.#wanted < this.#told);
    if (mayLower && left && !this.#drainTimer.isSet)
      this.#drainTimer.set(host.clock.nowMs() + drainCheckMs, () => this.settle());
  }

  /** It is gone, or is not to end for being surplus. */
  forget(replica: Replica): void {
    this.#gauges.forget(replica.id);
  }

  /** Nothing is told to the driver any more. */
  close(): void {
    this.#drainTimer.cancel();
    this.#writer.close();
    this.#gauges.close();
  }

  /** The count is what somebody else made it: nobody drains any more, since who would end is theirs to say. */
  follow(status: TargetStatus): void {
    const count = this.#writer.see(status);
    const isFound = !this.#isKnown;
    this.#isKnown = true;
    if (count === null) return;
    this.#takeBack(this.#options.list.in('draining'));
    this.#reserved = 0;
    this.awaited = Math.max(0, count - this.asked);
    if (this.awaited > 0 && !isFound) this.#askedAtMs = this.#options.host.clock.nowMs();
    this.asked = count;
    this.#options.listener.onOthers(count, isFound);
  }

  get #view(): RemovalView {
    return { removal: this.#options.status().removal ?? 'victims', gate: this.#options.host.gate };
  }

  get #told(): number {
    return this.#writer.told ?? 0;
  }

  /** The count that should stand at the driver. */
  get #wanted(): number {
    const draining = this.#options.list.in('draining').length;
    return this.asked + (this.#replacesLost ? Math.min(this.#reserved, draining) : draining);
  }

  #takeBack(replicas: readonly Replica[]): void {
    for (const replica of replicas) {
      this.#gauges.forget(replica.id);
      replica.undrain();
    }
  }

  /** Somebody else uses it: all that drain for being surplus stay and, where anybody may end, all. */
  #keep(replica: Replica, running: number): void {
    const back = this.#options.list.in('draining');
    this.asked += this.#replacesLost ? Math.min(this.#reserved, back.length) : back.length;
    if (this.#view.removal === 'unknown') this.asked = Math.max(this.asked, this.#told);
    this.#reserved = 0;
    this.#takeBack(back);
    this.#options.listener.onVeto(replica, running);
  }

  /** Tells the driver the count that should stand, where it may be told and is not the one that stands. */
  scale(): void {
    const { host, list, listener, signal, status } = this.#options;
    this.#writer.cancel();
    if (host.isFixed || signal.aborted) return;
    const wanted = this.#wanted;
    if (this.#replacesLost) {
      if (!this.#isKnown || !listener.mayScale() || wanted === this.#told) return;
      const isLower = wanted < this.#told;
      if (isLower && (!this.mayLower || endsBusy(status().replicas, wanted, this.#view))) return;
      if (isLower && !this.#gauges.areFree(list.living)) return;
    }
    const ending = () => list.in('ending').map(({ id }) => id);
    this.#writer.write(wanted, ending(), () => this.#replacesLost || ending().length > 0);
  }

  /**
   * Uses those again that the platform keeps though they were told to end, since the count rose again in time or a rolling
   * update ended another; and those that drain as an update's surplus, where it ended one that was to stay.
   */
  #reclaim(): void {
    const { list, status } = this.#options;
    const hasStood = status().isStale !== true && this.#writer.hasStood;
    if (hasStood && list.counted <= Math.min(this.#told, this.#wanted))
      for (const replica of list.in('ending')) replica.revive();
    const draining = takenBackOf(list.in('draining'));
    this.#reserved = Math.min(this.#reserved, draining.length);
    const missing = this.asked - list.living.length;
    this.#takeBack(draining.slice(0, Math.max(0, Math.min(missing, draining.length - this.#reserved))));
  }
}
