import { formatDuration } from '../config/quantities.ts';
import type { SleepingReplica } from '../core/ladder.ts';
import { LimitedJob } from './limited-job.ts';
import { OneTimer } from './one-timer.ts';
import type { Replica } from './replica.ts';
import type { Ladder, ReplicaHost } from './replica-host.ts';
import type { SleepMoves, SleepView, Woken } from './sleep-view.ts';

const sleepLimitMs = 120_000;
/** Of a sleep that is under way when somebody asks. */
const hurriedLimitMs = 5_000;
const askLimitMs = 5_000;
const recoverLimitMs = 30_000;

/** Moves one replica on the ladder, one step at a time, each within a limit. What it is seen as is the replica's. */
export class ReplicaSleep implements SleepView {
  readonly #host: ReplicaHost;
  readonly #replica: Replica;
  readonly #moves: SleepMoves;
  readonly #job: LimitedJob;
  /** By when one that was woken has to pass its probe. */
  readonly #readyTimer: OneTimer;
  /** The ladder on which it stands, which need not be that of the settings any more. */
  #ladder: Ladder | null = null;
  #rung: number | null = null;
  /** The deepest rung that it may have come to: an attempt that failed may have worked. */
  #deepest = 0;
  #isUnknown: boolean;
  #isWakeWanted = false;
  #wokenAtMs: number | null = null;
  #isLearned = false;

  constructor(host: ReplicaHost, replica: Replica, moves: SleepMoves) {
    this.#host = host;
    this.#replica = replica;
    this.#moves = moves;
    this.#job = new LimitedJob(host.clock);
    this.#readyTimer = new OneTimer(host.clock);
    this.#isUnknown = moves.isUnknown && host.ladder() !== null;
  }

  get rung(): number | null {
    return this.#rung;
  }

  get rungName(): string | null {
    return this.#rung === null ? null : this.#nameOf(this.#rung);
  }

  get ladder(): Ladder | null {
    return this.#ladder;
  }

  get isUnknown(): boolean {
    return this.#isUnknown;
  }

  get isMoving(): boolean {
    return this.#job.isRunning;
  }

  get isWakeWanted(): boolean {
    return this.#isWakeWanted;
  }

  get wakingForMs(): number | null {
    return this.#wokenAtMs === null ? null : this.#host.clock.nowMs() - this.#wokenAtMs;
  }

  /** Somebody else may have moved it. */
  doubt(): void {
    this.stop();
    this.#isUnknown = this.#host.ladder() !== null || this.#rung !== null;
  }

  /** Asks it where it stands, where that is not known; once it can be asked. */
  ask(): void {
    const ladder = this.#host.ladder() ?? this.#ladder;
    if (!this.#isUnknown || this.#job.isRunning || ladder === null) return;
    const told = (said: number | null) => {
      // One that cannot tell is where it was left.
      const rung = said ?? this.#rung;
      this.#isUnknown = false;
      this.#ladder = ladder;
      this.#rung = rung === null ? null : Math.min(rung, ladder.rungs.length - 1);
      this.#deepest = this.#rung ?? 0;
      if (this.#rung === null) this.#moves.onUp();
      else this.#moves.onAsleep(true);
    };
    this.#job.run((signal) => ladder.sleeper.rungOf(this.#sleeping, signal), {
      limitMs: askLimitMs,
      done: told,
      failed: () => told(null),
    });
  }

  /** To this rung of the ladder of the moment. */
  sleep(rung: number): void {
    const ladder = this.#host.ladder();
    if (ladder === null) return;
    const before = this.#rung;
    this.#ladder = ladder;
    this.#rung = rung;
    this.#deepest = Math.max(before ?? 0, rung);
    this.#job.run((signal) => ladder.sleeper.sleep(this.#sleeping, { from: before, to: rung }, signal), {
      limitMs: sleepLimitMs,
      done: () => this.#lies(),
      failed: (reason) => this.#sleepFailed(before, reason),
    });
  }

  /** It is woken; while it falls asleep, right after. */
  wake(): void {
    this.#wokenAtMs ??= this.#host.clock.nowMs();
    this.#isLearned = !this.#job.isRunning;
    if (!this.#job.isRunning) this.#attempt(this.#deepest);
    else this.#hurry();
  }

  /** It takes requests: what it was woken from, or null where it was awake. */
  woke(): Woken | null {
    const wakeMs = this.wakingForMs;
    const woken =
      wakeMs === null || this.#rung === null
        ? null
        : { rung: this.#nameOf(this.#rung), wakeMs, isLearned: this.#isLearned };
    this.stop();
    this.#rung = null;
    return woken;
  }

  /** Nothing is under way any more; where it stands is as far as it may have come. */
  stop(): void {
    this.#job.cancel();
    this.#readyTimer.cancel();
    this.#isWakeWanted = false;
    this.#wokenAtMs = null;
  }

  #hurry(): void {
    if (this.#isWakeWanted) return;
    this.#isWakeWanted = true;
    this.#job.limit(hurriedLimitMs);
  }

  #lies(): void {
    this.#moves.onAsleep(true);
    if (this.#isWakeWanted) this.#attempt(this.#deepest);
  }

  /** One that was awake is asked whether it sleeps all the same, and woken as far as it may have got. */
  #sleepFailed(before: number | null, reason: string): void {
    const { rung } = this;
    const name = rung === null ? '' : this.#nameOf(rung);
    this.#rung = before ?? rung;
    if (before !== null) this.#moves.onAsleep(false);
    this.#host.slumber.onSleepFailed(this.#replica, name, reason);
    if (this.#job.isRunning) return;
    if (this.#isWakeWanted) this.#attempt(this.#deepest);
    else if (before === null) this.#recover();
  }

  #recover(): void {
    const up = () => {
      this.stop();
      this.#rung = null;
      this.#moves.onUp();
    };
    this.#job.run((signal) => this.#whereAfterAll(signal), {
      limitMs: recoverLimitMs,
      done: (rung) => {
        if (rung !== null) this.#rung = rung;
        if (rung === null) up();
        else this.#lies();
      },
      failed: up,
    });
  }

  async #whereAfterAll(signal: AbortSignal): Promise<number | null> {
    const { sleeper } = this.#ladder!;
    const rung = await sleeper.rungOf(this.#sleeping, signal);
    if (rung === null) await sleeper.wake(this.#sleeping, this.#deepest, signal);
    return rung;
  }

  /** Wakes it in the way of this rung, and after that in those of the deeper ones. */
  #attempt(via: number): void {
    const { sleeper, rungs } = this.#ladder!;
    this.#isWakeWanted = false;
    this.#readyTimer.cancel();
    this.#moves.onWaking();
    const limitMs = this.#host.wakeLimitMs(this.#nameOf(via));
    const failed = (reason: string) => {
      const next = via + 1 < rungs.length ? via + 1 : null;
      this.#isLearned = false;
      const failure = { rung: this.#nameOf(via), reason, next: next === null ? null : this.#nameOf(next) };
      this.#host.slumber.onWakeFailed(this.#replica, failure);
      if (next !== null) this.#attempt(next);
    };
    this.#job.run((signal) => sleeper.wake(this.#sleeping, via, signal), {
      limitMs,
      done: () => {
        const lateMs = this.#host.clock.nowMs() + limitMs;
        const late = `not ready within ${formatDuration(Math.round(limitMs))}`;
        this.#readyTimer.set(lateMs, () => failed(late));
        this.#moves.onUp();
      },
      failed,
    });
  }

  #nameOf(rung: number): string {
    return this.#ladder?.rungs[rung]?.name ?? '';
  }

  get #sleeping(): SleepingReplica {
    const { id, status } = this.#replica;
    return { id, origin: status.isShared === true ? null : status.origin, pid: status.pid ?? null };
  }
}
