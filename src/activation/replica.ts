import type { ReplicaStatus } from '../core/driver.ts';
import type { ReplicaReport } from '../core/gate.ts';
import { ReadyDeadline } from './ready-deadline.ts';
import { ReplicaCapacity } from './replica-capacity.ts';
import type { ReplicaHost, ReplicaState } from './replica-host.ts';
import { ReplicaProbes } from './replica-probes.ts';
import { ReplicaSleep } from './replica-sleep.ts';
import type { SleepView } from './sleep-view.ts';
import type { Start } from './start.ts';

/** Probes one replica and keeps its capacity in the gate. */
export class Replica {
  readonly id: string;
  readonly start: Start;
  readonly #host: ReplicaHost;
  readonly #capacity: ReplicaCapacity;
  readonly #probes: ReplicaProbes;
  readonly #deadline: ReadyDeadline;
  readonly #sleep: ReplicaSleep;
  #state: ReplicaState = 'starting';
  #status: ReplicaStatus;
  #readyAtMs: number | null = null;

  constructor(host: ReplicaHost, status: ReplicaStatus, start: Start) {
    this.id = status.id;
    this.start = start;
    this.#host = host;
    this.#capacity = new ReplicaCapacity(status.id, host);
    this.#deadline = new ReadyDeadline(host, () => host.onOverdue(this));
    this.#probes = new ReplicaProbes(host, this, {
      fromMs: start.beganAtMs,
      deadline: this.#deadline,
      onPassed: () => this.#admit(),
    });
    this.#status = status;
    this.#sleep = new ReplicaSleep(host, this, {
      isUnknown: !start.isLearned,
      onAsleep: (isNew) => this.#lie(isNew),
      onWaking: () => this.#rise(),
      onUp: () => this.#up(),
    });
    this.#deadline.arm(start.beganAtMs);
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get status(): ReplicaStatus {
    return this.#status;
  }

  /** `nowMs` at which it last became ready; null before. */
  get readyAtMs(): number | null {
    return this.#readyAtMs;
  }

  /** Whether it is not ready and had the time to be. */
  get isLate(): boolean {
    return this.#deadline.isPassed;
  }

  /** Where it stands on the ladder, or how it is on its way there. */
  get sleep(): SleepView {
    return this.#sleep;
  }

  /** What the last probe saw, in one line; null before the first. */
  get detail(): string | null {
    return this.#probes.detail;
  }

  update(status: ReplicaStatus): void {
    const wasKeptOut = this.#status.isReady === false;
    this.#status = status;
    for (const step of status.steps) this.#mark(step.name, step.atMs);
    if (status.phase === 'stopping') this.end();
    if (status.isReady === false && this.#state === 'ready') this.#suspect('loading');
    const isDue = !this.#probes.isPlanned || (wasKeptOut && status.isReady !== false);
    if (status.phase === 'running' && isDue) this.#look();
  }

  report(report: ReplicaReport): void {
    if (this.#state === 'ready' && this.#capacity.isOut(report)) this.#suspect(report);
  }

  /** A request to it got its first byte. */
  firstByte(): void {
    if (this.start.markFirstByte(this.#host.clock.nowMs())) this.#host.onStep(this, 'first byte');
  }

  /** It is late, and has `ms` more to become ready. */
  extend(ms: number): void {
    this.#deadline.extend(ms);
  }

  /** Somebody asks for it now: a probe that was put off for lack of demand is made at once. */
  hurry(): void {
    this.#probes.hurry();
  }

  /** Applies a changed limit. */
  applyLimit(): void {
    if (this.#state === 'ready') this.#capacity.applyLimit();
  }

  /** Takes no new requests; one that never took any needs no draining and is ended by the caller all the same. */
  drain(): void {
    if (this.#state === 'ready') this.#capacity.hold();
    this.#stopWork();
    this.#sleep.stop();
    this.#state = 'draining';
  }

  /**
   * Undoes `drain`. It is probed before it takes requests again, so that the gate's capacity never grows within the
   * call by which the gate told of its demand.
   */
  undrain(): void {
    if (this.#state === 'draining') this.#takeUp();
  }

  /** It was told to end, and the platform keeps it. */
  revive(): void {
    if (this.#state === 'ending' && this.#status.phase === 'running') this.#takeUp();
  }

  /** Down to this rung of the ladder of the moment; nothing may run on it. */
  fallAsleep(rung: number): void {
    const isOn = this.#state === 'ready' || this.#state === 'asleep';
    if (!isOn || this.#host.ladder() === null) return;
    if (this.#state === 'ready') this.#capacity.hold();
    this.#stopWork();
    this.#state = 'dozing';
    this.#sleep.sleep(rung);
    this.#host.slumber.onDozing(this);
  }

  /** It is woken, and probed before it takes requests; where it is about to sleep, right after. */
  wake(): void {
    if (this.#state === 'asleep' || this.#state === 'dozing') this.#sleep.wake();
  }

  /** Another may have put it to sleep, or woken it: it is asked, and probed before it takes requests. */
  doubt(): void {
    if (this.#host.ladder() === null || this.#state === 'draining' || this.#state === 'ending') return;
    if (this.#state === 'ready') this.#capacity.hold();
    this.#stopWork();
    this.#sleep.doubt();
    this.#state = this.#capacity.isInGate ? 'suspect' : 'starting';
    this.#probeAfresh(this.#host.clock.nowMs());
  }

  #takeUp(): void {
    if (this.#sleep.rung !== null) {
      this.#lie(false);
      return;
    }
    this.#state = this.#capacity.isInGate ? 'suspect' : 'starting';
    this.#probeAfresh(this.#host.clock.nowMs());
  }

  /** It was told to end. */
  end(): void {
    if (this.#state === 'ready') this.#capacity.hold();
    this.#stopWork();
    this.#sleep.stop();
    this.#state = 'ending';
    this.start.stop(this.#status, this.#host.clock.nowMs());
  }

  /** It is gone, or nobody watches it any more: no timer and no probe is left. */
  close(): void {
    this.#stopWork();
    this.#sleep.stop();
    this.#state = 'ending';
    this.#capacity.leave();
  }

  #suspect(report: ReplicaReport): void {
    const penaltyMs = this.#capacity.suspend(report);
    this.#state = 'suspect';
    this.#probeAfresh(this.#host.clock.nowMs() + penaltyMs);
    this.#host.onSuspect(this, report);
  }

  /** From `atMs` on. */
  #probeAfresh(atMs: number): void {
    this.#deadline.arm(atMs);
    this.#sleep.ask();
    this.#probes.afresh(atMs);
  }

  #look(): void {
    this.#sleep.ask();
    this.#probes.now();
  }

  /** It sleeps: a start that was not known to have ended has. */
  #lie(isNew: boolean): void {
    this.#stopWork();
    this.start.finish('ready', this.#host.clock.nowMs());
    this.#state = 'asleep';
    this.#host.slumber.onAsleep(this, isNew);
  }

  #rise(): void {
    this.#probes.stop();
    this.#state = 'waking';
    this.#host.slumber.onWaking(this);
  }

  #up(): void {
    const nowMs = this.#host.clock.nowMs();
    if (this.#state === 'dozing') {
      this.#state = 'suspect';
      this.#deadline.arm(nowMs);
    }
    this.#probes.afresh(nowMs);
  }

  #admit(): void {
    this.#stopWork();
    this.#state = 'ready';
    const nowMs = this.#host.clock.nowMs();
    this.#readyAtMs ??= nowMs;
    const isFirst = this.start.isRunning;
    const woken = this.#sleep.woke();
    this.#mark('ready', nowMs);
    this.#capacity.open(this.#status.origin ?? '', this.#readyAtMs);
    if (woken !== null) this.#host.slumber.onAwake(this, woken);
    this.#host.onReady(this, isFirst ? 'start' : woken === null ? 'probe' : 'wake');
  }

  #mark(step: string, atMs: number): void {
    if (this.start.mark(step, atMs)) this.#host.onStep(this, step);
  }

  #stopWork(): void {
    this.#probes.stop();
    this.#deadline.cancel();
    this.#capacity.rest();
  }
}
