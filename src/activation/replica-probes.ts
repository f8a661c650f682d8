import type { ProbeResult } from '../core/prober.ts';
import { OneTimer } from './one-timer.ts';
import { nextProbeDelayMs } from './probe-pace.ts';
import { plannedProbe } from './probe-plan.ts';
import type { ReadyDeadline } from './ready-deadline.ts';
import type { Replica } from './replica.ts';
import type { ReplicaHost, ReplicaState } from './replica-host.ts';
import { WarmUp } from './warm-up.ts';

/** What a replica's probes begin with, and what they tell. */
export interface ProbeMoves {
  /** `nowMs` since which it may become ready. */
  readonly fromMs: number;
  /** It stands still while the replica is warmed, and begins again after that. */
  readonly deadline: ReadyDeadline;
  /** It is ready, the platform does not keep it out, and it was warmed where that is asked for. */
  onPassed(): void;
}

const probedStates: readonly ReplicaState[] = ['starting', 'suspect', 'waking'];

/**
 * Probes one replica, one probe at a time, until one passes or it is stopped. A fresh one is warmed then, and probed once
 * more. The steps that are seen by it are those of its start.
 */
export class ReplicaProbes {
  readonly #host: ReplicaHost;
  readonly #replica: Replica;
  readonly #moves: ProbeMoves;
  readonly #timer: OneTimer;
  readonly #warmUp: WarmUp;
  #running: AbortController | null = null;
  #last: ProbeResult | null = null;
  #isLazy = false;
  #wasAway = false;
  #fromMs: number;

  constructor(host: ReplicaHost, replica: Replica, moves: ProbeMoves) {
    this.#host = host;
    this.#replica = replica;
    this.#moves = moves;
    this.#timer = new OneTimer(host.clock);
    this.#warmUp = new WarmUp(host, (failure) => this.#warmed(failure));
    this.#fromMs = moves.fromMs;
  }

  /** What the last probe saw, in one line; null before the first. */
  get detail(): string | null {
    return this.#last?.detail ?? null;
  }

  /** Whether the next probe has its time. */
  get isPlanned(): boolean {
    return this.#timer.isSet;
  }

  now(): void {
    this.#timer.cancel();
    this.#isLazy = false;
    const { status, state, sleep } = this.#replica;
    const isBusy = this.#warmUp.isRunning || sleep.isMoving || sleep.isUnknown;
    const { origin, spec } = plannedProbe(status, this.#host.settings().ready);
    if (
      this.#running ||
      isBusy ||
      !probedStates.includes(state) ||
      origin === null ||
      status.phase !== 'running'
    )
      return;
    const controller = new AbortController();
    this.#running = controller;
    const done = (result: ProbeResult) => this.#done(controller, result);
    this.#host.prober
      .probe(origin, spec, controller.signal)
      .then(done, (error: unknown) => done({ state: 'unreachable', detail: String(error) }));
  }

  /** From `atMs` on; where that lies ahead, already when somebody asks while no other serves. */
  afresh(atMs: number): void {
    this.#fromMs = atMs;
    if (atMs <= this.#host.clock.nowMs()) this.now();
    else this.#at(atMs, true);
  }

  /** Somebody asks for it now: a probe that was put off for lack of demand is made at once. */
  hurry(): void {
    if (!this.#isLazy) return;
    this.#fromMs = this.#host.clock.nowMs();
    this.now();
  }

  stop(): void {
    this.#running?.abort();
    this.#running = null;
    this.#warmUp.stop();
    this.#timer.cancel();
    this.#isLazy = false;
  }

  #done(controller: AbortController, result: ProbeResult): void {
    if (this.#running !== controller) return;
    this.#running = null;
    this.#last = result;
    const nowMs = this.#host.clock.nowMs();
    if (result.state !== 'ready') this.#wasAway = true;
    if (result.state !== 'unreachable') this.#mark('port open');
    if (result.state === 'loading') this.#mark('loading');
    if (result.state === 'ready' && this.#replica.status.isReady !== false) {
      this.#passed();
      return;
    }
    const isUrgent = this.#host.isUrgent();
    const elapsedMs = nowMs - this.#fromMs;
    const isStart = this.#replica.state === 'starting' && !this.#host.isFixed;
    const learned = isStart ? this.#host.learned() : null;
    const delayMs = nextProbeDelayMs({ elapsedMs, learned, isUrgent });
    this.#at(nowMs + delayMs, !isUrgent);
  }

  /** A fresh one is warmed first; one that took requests before, or that was found at work, is not. */
  #passed(): void {
    const { start, status } = this.#replica;
    const isFresh = start.isRunning && (start.isLearned || this.#host.isFixed || this.#wasAway);
    if (isFresh && this.#warmUp.begin(status)) {
      this.#moves.deadline.cancel();
      this.#mark('warming');
    } else this.#moves.onPassed();
  }

  #warmed(failure: string | null): void {
    if (failure === null) this.#mark('warmed');
    else this.#mark('warm-up failed', failure);
    const nowMs = this.#host.clock.nowMs();
    this.#moves.deadline.arm(nowMs);
    this.afresh(nowMs);
  }

  #mark(step: string, detail?: string): void {
    const isNew = this.#replica.start.mark(step, this.#host.clock.nowMs(), detail);
    if (isNew) this.#host.onStep(this.#replica, step);
  }

  #at(atMs: number, isLazy: boolean): void {
    this.#timer.set(atMs, () => this.now());
    this.#isLazy = isLazy;
  }
}
