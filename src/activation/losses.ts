import type { ReplicaReport } from '../core/gate.ts';
import type { LifecycleOptions } from './lifecycle-options.ts';
import { OneTimer } from './one-timer.ts';
import type { Replica } from './replica.ts';
import { type SecondTryOptions, tryAgain } from './second-try.ts';
import type { Standing } from './standing.ts';
import { type Cause, exitCause, lateCause } from './start-cause.ts';

/** What deals with replicas that are lost. */
export interface LossesOptions extends SecondTryOptions, Pick<LifecycleOptions, 'driver' | 'settings'> {
  standing(): Standing;
  /** The start of this one failed. */
  failStart(replica: Replica, cause: Cause): void;
}

/** How long the end of one that does not wake is waited for. */
const endLimitMs = 30_000;

/** What becomes of replicas that exit unasked, are late, hang or do not wake: most are replaced. */
export class Losses {
  readonly #options: LossesOptions;
  readonly #timer: OneTimer;
  /** One that does not wake, until it is gone. */
  #leaving: Replica | null = null;

  constructor(options: LossesOptions) {
    this.#options = options;
    this.#timer = new OneTimer(options.clock);
  }

  /**
   * Whether no count may be decided on yet: the one that stands is not known, or, where the platform keeps it, one that does
   * not wake is on its way out, and a count that is raised again before that is gone would only keep it.
   */
  get isHeldUp(): boolean {
    return !this.#options.fleet().count.isKnown || this.#leaving?.state === 'ending';
  }

  /** It gave no byte for too long, or the like. */
  suspect(replica: Replica, report: ReplicaReport): void {
    if (report === 'stalled' && this.#options.driver.canReplace) this.#replace(replica);
  }

  /** It was not ready in time. */
  overdue(replica: Replica): void {
    const { driver, settings, standing, fleet } = this.#options;
    const graceMs = standing().doubtMs(fleet().freshSinceMs);
    const { startupMs } = settings().ready;
    const cause = lateCause(replica, startupMs);
    if (graceMs > 0) replica.extend(graceMs);
    else if (replica.start.isRunning) this.#options.failStart(replica, cause);
    else {
      this.#tell(replica, cause.reason);
      const { replacesLost, canReplace } = driver;
      // The platform's own probes are there to replace it.
      if (replacesLost && !canReplace) replica.extend(startupMs);
      else this.#replace(replica);
    }
  }

  /** `isExpected`: it was told to end. */
  exited(replica: Replica, isExpected: boolean): void {
    if (replica === this.#leaving) this.#forget();
    if (isExpected) return;
    const cause = exitCause(replica);
    if (replica.start.isRunning) {
      if (!tryAgain(replica, cause, this.#options)) this.#options.failStart(replica, cause);
    } else {
      this.#tell(replica, cause.reason);
      this.#options.scaler().reset();
    }
  }

  /** It could not be woken in any way: it ends, and another is started. */
  unwakable(replica: Replica, reason: string): void {
    this.#tell(replica, `it does not wake: ${reason}`);
    if (this.#options.driver.replacesLost) {
      this.#leaving = replica;
      this.#timer.set(this.#options.clock.nowMs() + endLimitMs, () => {
        this.#forget();
        this.#options.scaler().reconcile();
      });
    }
    this.#replace(replica);
  }

  close(): void {
    this.#timer.cancel();
  }

  #forget(): void {
    this.#leaving = null;
    this.#timer.cancel();
  }

  /** Ends one that was ready once and starts another in its place. */
  #replace(replica: Replica): void {
    this.#options.fleet().count.end([replica]);
    this.#options.scaler().want();
  }

  #tell({ id }: Replica, reason: string): void {
    this.#options.onEvent?.({ type: 'replica-lost', replicaId: id, reason });
  }
}
