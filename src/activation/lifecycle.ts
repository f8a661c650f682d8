import type { Cancel } from '../core/clock.ts';
import type { ReplicaReport } from '../core/gate.ts';
import { BackOff } from './back-off.ts';
import type { ActivationEvent } from './events.ts';
import { Fleet, type FleetListener } from './fleet.ts';
import type { LifecycleOptions } from './lifecycle-options.ts';
import { startFailed } from './refusals.ts';
import type { Replica } from './replica.ts';
import type { ReplicaHost } from './replica-host.ts';
import { Scaler } from './scaler.ts';
import { progressOf, type StartProgress } from './snapshot.ts';
import type { Start } from './start.ts';
import { StartHistory } from './start-history.ts';
import { StartLog } from './start-log.ts';
import { type ActivationSignal, type ActivationState, transition } from './states.ts';

/** A revision's state, driven by what happens to its replicas (states.ts). */
export class Lifecycle {
  readonly fleet: Fleet;
  readonly scaler: Scaler;
  readonly backOff = new BackOff();
  /** Its replicas are there by themselves: they are neither started nor ended. */
  readonly isFixed: boolean;
  readonly #options: LifecycleOptions;
  readonly #history = new StartHistory();
  readonly #log: StartLog;
  #state: ActivationState = 'cold';
  #wokenAtMs: number | null = null;
  #cancelDeadline: Cancel | null = null;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    const { target, driver, signal, decide, gate, clock } = options;
    this.isFixed = driver.isFixed;
    this.#log = new StartLog(clock);
    this.fleet = new Fleet({ target, driver, signal, host: this.#host(), listener: this.#listener() });
    this.scaler = new Scaler({
      decide,
      gate,
      clock,
      fleet: this.fleet,
      backOff: this.backOff,
      settings: () => options.settings(),
      isHeld: () => this.isFixed || options.isHeld(),
      onRaised: () => this.#raised(),
      onToZero: (reason) => this.#ending(reason),
      onEvent: (event) => this.#emit(event),
    });
  }

  get state(): ActivationState {
    return this.#state;
  }

  /** The last ten, newest first. */
  get starts(): readonly Start[] {
    return this.#log.starts;
  }

  progress(): StartProgress {
    return progressOf(this.fleet, this.#history.learned(), this.#options.clock.nowMs());
  }

  /** Somebody asks for the model. */
  wake(): void {
    if (!this.isFixed) this.scaler.want();
    else if (this.fleet.ready === 0) this.#signal('woken');
  }

  /** Drains and ends everything; fixed replicas only when they are not to come back. */
  toZero(reason: string, isForGood = false): void {
    if (this.isFixed && !isForGood) return;
    if (!this.fleet.isGone) this.#ending(reason);
    this.fleet.drainAll();
    this.scaler.reset();
    this.#changed();
  }

  /** Asking or watching the driver failed. */
  driverFailed(error: unknown): void {
    this.#emit({ type: 'driver-failed', error });
    const reason = error instanceof Error ? error.message : String(error);
    if (this.fleet.asked > this.fleet.living) this.#failStart(null, reason);
  }

  close(): void {
    this.#cancelDeadline?.();
    this.scaler.close();
    this.fleet.close();
  }

  #host(): ReplicaHost {
    const { clock, prober, gate, settings } = this.#options;
    return {
      clock,
      prober,
      gate,
      isFixed: this.isFixed,
      settings,
      isUrgent: () => !this.isFixed || gate.waiting > 0 || this.#state === 'starting',
      hasOthers: () => this.fleet.ready > 0,
      learned: () => this.#history.learned(),
      onStep: ({ id, start }, step) =>
        this.#emit({ type: 'step', replicaId: id, step, offsetMs: start.steps.at(-1)?.offsetMs ?? 0 }),
      onReady: (replica, isFirst) => this.#becameReady(replica, isFirst),
      onSuspect: (replica, report) => this.#becameSuspect(replica, report),
      onOverdue: (replica) => this.#overdue(replica),
    };
  }

  #listener(): FleetListener {
    return {
      onBegin: (start) => {
        this.#log.add(start);
        if (!this.isFixed) this.#signal('woken');
      },
      onExit: (replica, isExpected) => this.#exited(replica, isExpected),
      onTargetFailure: (reason) => this.#failStart(null, reason),
      onScaleFailed: (error) => this.driverFailed(error),
      onChange: () => this.#changed(),
    };
  }

  #becameReady(replica: Replica, isFirst: boolean): void {
    const { id, start } = replica;
    if (isFirst) {
      const totalMs = start.finish('ready', replica.readyAtMs ?? this.#options.clock.nowMs());
      // Replicas that were found, and not asked for, have begun at a moment that nobody knows.
      if (!this.isFixed && this.fleet.askedAtMs !== null) this.#history.add(totalMs);
      this.#emit({ type: 'ready', replicaId: id, totalMs, steps: start.steps });
    } else this.#emit({ type: 'reinstated', replicaId: id });
    this.backOff.succeed();
    this.#signal('ready');
    this.scaler.reconcile();
  }

  #becameSuspect(replica: Replica, report: ReplicaReport): void {
    this.#emit({ type: 'suspect', replicaId: replica.id, report });
    if (this.fleet.ready === 0) this.#signal('unready');
    if (report === 'stalled' && this.#options.driver.canReplace) this.#replace(replica);
  }

  #overdue(replica: Replica): void {
    const startup = `${this.#options.settings().ready.startupMs / 1_000}s`;
    const reason = `not ready within ${startup}: ${replica.detail ?? 'it never listened'}`;
    if (replica.start.isRunning) this.#failStart(replica, reason);
    else {
      this.#emit({ type: 'replica-lost', replicaId: replica.id, reason });
      this.#replace(replica);
    }
  }

  /** Ends one that was ready once and starts another in its place. */
  #replace(replica: Replica): void {
    this.fleet.end([replica]);
    this.scaler.want();
  }

  #exited(replica: Replica, isExpected: boolean): void {
    if (isExpected) return;
    const reason = replica.status.reason ?? 'it exited';
    if (replica.start.isRunning) this.#failStart(replica, reason);
    else {
      this.#emit({ type: 'replica-lost', replicaId: replica.id, reason });
      this.scaler.reset();
    }
  }

  #changed(): void {
    this.scaler.adopt();
    if (this.fleet.isGone && !this.isFixed) this.#signal('gone');
    else if (this.fleet.ready === 0) this.#signal('unready');
    // The last one that was to stay is lost, and others are still on their way out: nothing starts.
    if (this.#state === 'starting' && !this.isFixed && this.fleet.asked === 0) this.#signal('ending');
    this.scaler.reconcile();
  }

  #ending(reason: string): void {
    this.#emit({ type: 'to-zero', reason });
    this.#signal('ending');
  }

  /** `replica` is the one whose start failed; null: none came, or the fixed ones stay away. */
  #failStart(replica: Replica | null, cause: string): void {
    const { clock, gate, random, target } = this.#options;
    const output = replica?.status.output ?? [];
    const lastLine = output.at(-1);
    const reason = lastLine === undefined || cause.includes(lastLine) ? cause : `${cause}: ${lastLine}`;
    const start = replica?.start ?? this.#log.addMissing(this.#wokenAtMs);
    const failure = { reason, phase: start.step, output };
    const retryInMs = this.backOff.fail(failure, clock.nowMs(), random());
    const totalMs = start.finish('failed', clock.nowMs(), reason);
    this.#emit({ type: 'start-failed', replicaId: start.replicaId, totalMs, ...failure, retryInMs });
    if (replica) this.fleet.end([replica]);
    else if (!this.isFixed) this.fleet.forgetPending();
    this.scaler.reset();
    if (this.fleet.ready === 0 && (this.isFixed || this.fleet.asked === 0)) {
      this.#signal('failed');
      gate.failWaiters(startFailed(target.model, failure, retryInMs));
    }
    this.scaler.reconcile();
  }

  #signal(signal: ActivationSignal): void {
    const before = this.#state;
    this.#state = transition(before, signal);
    if (this.#state === before) return;
    if (this.#state !== 'starting') return;
    this.#armDeadline();
    if (signal === 'woken') this.#emit({ type: 'woken', reason: this.scaler.reason });
    for (const replica of this.fleet.replicas) replica.hurry();
  }

  #raised(): void {
    this.#signal('woken');
    this.#armDeadline();
  }

  #armDeadline(): void {
    const { clock, settings } = this.#options;
    this.#cancelDeadline?.();
    this.#wokenAtMs = clock.nowMs();
    const atMs = this.#wokenAtMs + settings().ready.startupMs;
    this.#cancelDeadline = clock.setTimer(atMs, () => this.#deadlinePassed());
  }

  /** Only what the replicas' own deadlines do not cover: none appeared, or fixed ones stay away. */
  #deadlinePassed(): void {
    this.#cancelDeadline = null;
    const within = `${this.#options.settings().ready.startupMs / 1_000}s`;
    if (!this.isFixed) {
      if (this.fleet.asked > this.fleet.living) this.#failStart(null, `no replica appeared within ${within}`);
    } else if (this.#state === 'starting') {
      if (this.#options.gate.waiting === 0) this.#signal('gone');
      else this.#failStart(null, `not ready within ${within}: ${this.fleet.detail ?? 'never probed'}`);
    }
  }

  #emit(event: ActivationEvent): void {
    this.#options.onEvent?.(event);
  }
}
