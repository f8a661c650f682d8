import type { ReplicaReport } from '../core/gate.ts';
import { soleLeadership } from '../core/leadership.ts';
import { BackOff } from './back-off.ts';
import { ConditionLog } from './condition-log.ts';
import type { OnActivationEvent } from './events.ts';
import { Fleet } from './fleet.ts';
import type { FleetListener } from './fleet-listener.ts';
import type { LifecycleOptions } from './lifecycle-options.ts';
import { Losses } from './losses.ts';
import { startFailed } from './refusals.ts';
import type { Replica } from './replica.ts';
import type { ReplicaHost } from './replica-host.ts';
import { replicaHostOf } from './replica-host-of.ts';
import { Scaler } from './scaler.ts';
import { Slumber } from './slumber.ts';
import { Standing } from './standing.ts';
import { type Cause, errorCause, failureOf, missingCause } from './start-cause.ts';
import { StartDeadline } from './start-deadline.ts';
import { StartHistory } from './start-history.ts';
import { StartLog } from './start-log.ts';
import { progressOf, type StartProgress } from './start-progress.ts';
import { type ActivationSignal, type ActivationState, transition } from './states.ts';

/** A revision's state, driven by what happens to its replicas (states.ts). */
export class Lifecycle {
  readonly fleet: Fleet;
  readonly scaler: Scaler;
  readonly backOff = new BackOff();
  /** Its replicas are there by themselves: they are neither started nor ended. */
  readonly isFixed: boolean;
  /** Of states.ts; only signals change it. */
  state: ActivationState = 'cold';
  readonly #options: LifecycleOptions;
  readonly #emit: OnActivationEvent;
  readonly history = new StartHistory();
  readonly standing: Standing;
  readonly log: StartLog;
  readonly #conditions = new ConditionLog((event) => this.#emit(event));
  readonly #deadline: StartDeadline;
  readonly slumber: Slumber;
  readonly #losses: Losses;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#emit = options.onEvent ?? (() => undefined);
    const { driver, clock, gauge = null } = options;
    const startMs = () => this.history.learned()?.medianMs ?? null;
    const mayLower = () => this.standing.mayLower && this.fleet.freshSinceMs !== null;
    this.isFixed = driver.isFixed;
    this.log = new StartLog(clock);
    this.#deadline = new StartDeadline({
      clock,
      startupMs: () => options.settings().ready.startupMs,
      graceMs: () => this.standing.doubtMs(this.fleet.freshSinceMs),
      onPassed: () => this.#deadlinePassed(),
    });
    this.slumber = new Slumber({
      ...options,
      gauge,
      sleeper: () => (driver.isFixed ? null : (options.sleeper?.() ?? null)),
      list: () => this.fleet.list,
      startMs,
      mayLower,
      scaler: () => this.scaler,
      onAsleep: () => this.#signal('asleep'),
      onWaking: () => this.fleet.list.ready === 0 && this.#signal('woken'),
      onLost: (replica, reason) => this.#losses.unwakable(replica, reason),
      onEvent: (event) => this.#emit(event),
    });
    this.#losses = new Losses({
      ...options,
      fleet: () => this.fleet,
      scaler: () => this.scaler,
      standing: () => this.standing,
      failStart: (replica, cause) => this.#failStart(replica, cause),
    });
    this.fleet = new Fleet({ ...options, gauge, host: this.#host(), listener: this.#listener() });
    this.scaler = new Scaler({
      ...options,
      fleet: this.fleet,
      backOff: this.backOff,
      startMs,
      slumber: this.slumber,
      isHeld: () => this.isFixed || options.isHeld() || !this.standing.isLeader || this.#losses.isHeldUp,
      mayLower,
      onRaised: () => {
        this.#signal('woken');
        this.#deadline.arm();
      },
      onToZero: (reason) => this.#ending(reason),
      onEvent: (event) => this.#emit(event),
    });
    this.standing = new Standing({
      clock,
      leadership: options.leadership ?? soleLeadership,
      onChange: (isNew) => {
        // Of the time before it knows no requests: what there is counts as asked for now.
        if (isNew) this.scaler.follow(this.fleet.asked);
        if (isNew) this.slumber.doubt();
        this.fleet.count.settle();
        this.#changed();
      },
    });
  }

  progress(): StartProgress {
    return progressOf(this.fleet, this, this.#options.clock.nowMs());
  }

  /** Somebody asks for the model. */
  wake(): void {
    if (!this.isFixed) this.scaler.want();
    if (!this.isFixed) this.fleet.wanted();
    // Fixed, or what the platform goes on trying: it is waited for.
    const isThere = this.isFixed || (this.fleet.asked > 0 && this.state === 'failed');
    if (isThere && this.fleet.list.ready === 0) this.#signal('woken');
  }

  /** Drains and ends everything; fixed replicas only when they are not to come back. */
  toZero(reason: string, isForGood = false): void {
    if (this.isFixed && !isForGood) return;
    if (!this.fleet.isGone) this.#ending(reason);
    this.fleet.count.drainAll();
    this.scaler.reset();
    this.#changed();
  }

  /** Asking or watching the driver failed. */
  driverFailed(error: unknown): void {
    this.#emit({ type: 'driver-failed', error });
    const isOurs = this.standing.isLeader && this.fleet.freshSinceMs !== null;
    if (isOurs && this.fleet.isMissing) this.#failStart(null, errorCause(error));
  }

  close(): void {
    this.#deadline.close();
    this.standing.close();
    this.scaler.close();
    this.slumber.close();
    this.#losses.close();
    this.fleet.close();
  }

  #host(): ReplicaHost {
    return replicaHostOf(this.#options, {
      isStarting: () => this.state === 'starting',
      hasOthers: () => this.fleet.list.ready > 0,
      learned: () => this.history.learnedProbe(),
      onEvent: (event) => this.#emit(event),
      onReady: (replica, by) => this.#becameReady(replica, by),
      onSuspect: (replica, report) => this.#becameSuspect(replica, report),
      onOverdue: (replica) => this.#losses.overdue(replica),
      slumber: this.slumber,
    });
  }

  #listener(): FleetListener {
    return {
      onBegin: (start) => {
        this.log.add(start);
        if (!this.isFixed) this.#signal('woken');
      },
      onExit: (replica, isExpected) => this.#losses.exited(replica, isExpected),
      onTargetFailure: ({ failure = '', fault = null }) =>
        this.standing.isLeader && this.#failStart(null, { reason: failure, fault }),
      onScaleFailed: (error) => this.driverFailed(error),
      onOthers: (count, isFound) => this.#changedByOthers(count, isFound),
      onVeto: (_replica, running) => this.scaler.veto(running),
      onChange: () => this.#changed(),
      mayScale: () => this.standing.mayScale,
      mayLower: () => this.standing.mayLower,
    };
  }

  #becameReady(replica: Replica, by: Parameters<ReplicaHost['onReady']>[1]): void {
    const { id, start } = replica;
    if (by === 'start') {
      const totalMs = start.finish('ready', replica.readyAtMs ?? this.#options.clock.nowMs());
      if (start.isLearned) this.history.add({ totalMs, steps: [...start.steps] });
      this.#emit({ type: 'ready', replicaId: id, totalMs, steps: start.steps });
    } else if (by === 'probe') this.#emit({ type: 'reinstated', replicaId: id });
    this.backOff.succeed();
    this.#signal('ready');
    this.scaler.reconcile();
  }

  #becameSuspect(replica: Replica, report: ReplicaReport): void {
    this.#emit({ type: 'suspect', replicaId: replica.id, report });
    if (this.fleet.list.ready === 0) this.#signal('unready');
    this.#losses.suspect(replica, report);
  }

  #changed(): void {
    this.#conditions.update(this.fleet.status.conditions);
    this.scaler.adopt();
    if (this.fleet.isGone && !this.isFixed) this.#signal('gone');
    else if (this.fleet.list.ready === 0) this.#signal(this.slumber.isResting ? 'asleep' : 'unready');
    // The last one that was to stay is lost, and others are still on their way out: nothing starts.
    if (this.state === 'starting' && !this.isFixed && this.fleet.asked === 0) this.#signal('ending');
    this.scaler.reconcile();
  }

  #ending(reason: string): void {
    this.#emit({ type: 'to-zero', reason });
    this.#signal('ending');
  }

  /** Somebody else's count is the one that stands. */
  #changedByOthers(count: number, isFound: boolean): void {
    this.scaler.follow(count);
    if (!isFound) this.#emit({ type: 'scaled-by-others', replicas: count });
    if (count > this.fleet.list.asleep.length && this.fleet.list.ready === 0) this.#signal('woken');
  }

  /** `replica` is the one whose start failed; null: none came, or the fixed ones stay away. */
  #failStart(replica: Replica | null, cause: Cause): void {
    const { clock, gate, random, target } = this.#options;
    const start = replica?.start ?? this.log.addMissing(this.#deadline.armedAtMs);
    const failure = failureOf(cause, start, replica?.status.output ?? []);
    const retryInMs = this.backOff.fail(failure, clock.nowMs(), random());
    const totalMs = start.finish('failed', clock.nowMs(), failure);
    this.#emit({ type: 'start-failed', replicaId: start.replicaId, totalMs, ...failure, retryInMs });
    if (replica) this.fleet.giveUp(replica);
    else if (!this.isFixed) this.fleet.forgetPending();
    this.scaler.reset();
    const isLast = this.isFixed || this.fleet.viable === 0 || (replica === null && this.fleet.isMissing);
    if (this.fleet.list.ready === 0 && isLast) {
      this.#signal('failed');
      gate.failWaiters(startFailed(target.model, failure, retryInMs));
    }
    this.scaler.reconcile();
  }

  #signal(signal: ActivationSignal): void {
    const before = this.state;
    this.state = transition(before, signal);
    if (this.state === before || this.state !== 'starting') return;
    this.#deadline.arm();
    if (signal === 'woken') this.#emit({ type: 'woken', reason: this.scaler.reason });
    for (const replica of this.fleet.list.all) replica.hurry();
  }

  /** Only what the replicas' own deadlines do not cover: none appeared, or fixed ones stay away. */
  #deadlinePassed(): void {
    const cause = missingCause(this.fleet, this.#options.settings().ready.startupMs);
    if (this.isFixed && this.state !== 'starting') return;
    if (this.isFixed && this.#options.gate.waiting === 0) this.#signal('gone');
    else if (this.isFixed || this.fleet.isMissing) this.#failStart(null, cause);
  }
}
