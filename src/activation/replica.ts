import type { ReplicaStatus } from '../core/driver.ts';
import type { ReplicaReport } from '../core/gate.ts';
import type { ProbeResult } from '../core/prober.ts';
import { canaryLimit, rampAt, SlowStart } from './ramp.ts';
import { ReadyDeadline } from './ready-deadline.ts';
import type { ReplicaHost, ReplicaState } from './replica-host.ts';
import { type ProbedReplica, ReplicaProbes } from './replica-probes.ts';
import { ResetRecord } from './reset-record.ts';
import type { Start } from './start.ts';

/** Probes one replica and keeps its capacity in the gate. */
export class Replica {
  readonly id: string;
  readonly start: Start;
  readonly #host: ReplicaHost;
  readonly #slowStart: SlowStart;
  readonly #probes: ReplicaProbes;
  readonly #deadline: ReadyDeadline;
  readonly #record = new ResetRecord();
  #state: ReplicaState = 'starting';
  #status: ReplicaStatus;
  #isInGate = false;
  #isCanary = false;
  #readyAtMs: number | null = null;

  constructor(host: ReplicaHost, status: ReplicaStatus, start: Start) {
    this.id = status.id;
    this.start = start;
    this.#host = host;
    this.#slowStart = new SlowStart(host.clock);
    this.#probes = new ReplicaProbes(host, this.#probed(), start.beganAtMs);
    this.#deadline = new ReadyDeadline(host, () => host.onOverdue(this));
    this.#status = status;
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
    if (status.phase === 'running' && isDue) this.#probes.now();
  }

  report(report: ReplicaReport): void {
    if (this.#state !== 'ready') return;
    if (report === 'answered') this.#answered();
    else if (report !== 'reset' || this.#record.reset(this.#isCanary)) this.#suspect(report);
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
    if (this.#state === 'ready' && !this.#isCanary) this.#ramp();
  }

  /** Takes no new requests; one that never took any needs no draining and is ended by the caller all the same. */
  drain(): void {
    if (this.#state === 'ready') this.#host.gate.suspend(this.id);
    this.#stopWork();
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

  #takeUp(): void {
    this.#state = this.#isInGate ? 'suspect' : 'starting';
    this.#probeAfresh(this.#host.clock.nowMs());
  }

  /** It was told to end. */
  end(): void {
    if (this.#state === 'ready') this.#host.gate.suspend(this.id);
    this.#stopWork();
    this.#state = 'ending';
    this.start.stop(this.#status, this.#host.clock.nowMs());
  }

  /** It is gone, or nobody watches it any more: no timer and no probe is left. */
  close(): void {
    this.#stopWork();
    this.#state = 'ending';
    if (this.#isInGate) this.#host.gate.removeReplica(this.id);
    this.#isInGate = false;
  }

  #answered(): void {
    this.#record.answered();
    if (!this.#isCanary) return;
    this.#isCanary = false;
    this.#host.gate.setLimit(this.id, this.#host.settings().concurrency);
  }

  #suspect(report: ReplicaReport): void {
    this.#isCanary = report === 'stalled' || report === 'reset';
    this.#state = 'suspect';
    this.#slowStart.cancel();
    this.#host.gate.suspend(this.id);
    const isKeptOut = report === 'reset' && this.#host.hasOthers();
    this.#probeAfresh(this.#host.clock.nowMs() + (isKeptOut ? this.#record.penaltyMs : 0));
    this.#host.onSuspect(this, report);
  }

  /** From `atMs` on. */
  #probeAfresh(atMs: number): void {
    this.#deadline.arm(atMs);
    this.#probes.afresh(atMs);
  }

  #probed(): ProbedReplica {
    const replica = this;
    return {
      get status() {
        return replica.#status;
      },
      get isProbed() {
        return replica.#state === 'starting' || replica.#state === 'suspect';
      },
      learned: () => (this.#state === 'starting' && !this.#host.isFixed ? this.#host.learned() : null),
      onSeen: (state, nowMs) => this.#seen(state, nowMs),
      onPassed: () => this.#admit(),
    };
  }

  #seen(state: ProbeResult['state'], nowMs: number): void {
    if (state !== 'unreachable') this.#mark('port open', nowMs);
    if (state === 'loading') this.#mark('loading', nowMs);
  }

  #admit(): void {
    const { gate, clock } = this.#host;
    this.#stopWork();
    this.#state = 'ready';
    this.#record.readmitted();
    const nowMs = clock.nowMs();
    this.#readyAtMs ??= nowMs;
    const isFirst = this.start.isRunning;
    this.#mark('ready', nowMs);
    const { concurrency, scale } = this.#host.settings();
    if (this.#isInGate) {
      this.applyLimit();
      if (this.#isCanary) gate.setLimit(this.id, canaryLimit(gate.inFlightOf(this.id), concurrency));
      gate.reinstate(this.id);
    } else {
      this.#isInGate = true;
      gate.addReplica(this.id, this.#status.origin ?? '', rampAt(concurrency, scale.rampMs, 0).limit);
      this.#ramp();
    }
    this.#host.onReady(this, isFirst);
  }

  #ramp(): void {
    const { gate, clock } = this.#host;
    const { concurrency: full, scale } = this.#host.settings();
    const beganMs = this.#readyAtMs ?? clock.nowMs();
    this.#slowStart.run({ full, rampMs: scale.rampMs, beganMs }, (limit) => gate.setLimit(this.id, limit));
  }

  #mark(step: string, atMs: number): void {
    if (this.start.mark(step, atMs)) this.#host.onStep(this, step);
  }

  #stopWork(): void {
    this.#probes.stop();
    this.#deadline.cancel();
    this.#slowStart.cancel();
  }
}
