import type { ProbeResult } from '../core/prober.ts';
import { OneTimer } from './one-timer.ts';
import { nextProbeDelayMs } from './probe-pace.ts';
import { plannedProbe } from './probe-plan.ts';
import type { Replica } from './replica.ts';
import type { ReplicaHost, ReplicaState } from './replica-host.ts';

/** What a replica's probes begin with, and what they tell. */
export interface ProbeMoves {
  /** `nowMs` since which it may become ready. */
  readonly fromMs: number;
  /** Somebody or nobody answered. */
  onSeen(state: ProbeResult['state'], nowMs: number): void;
  /** It is ready, and the platform does not keep it out. */
  onPassed(): void;
}

const probedStates: readonly ReplicaState[] = ['starting', 'suspect', 'waking'];

/** Probes one replica, one probe at a time, until one passes or it is stopped. */
export class ReplicaProbes {
  readonly #host: ReplicaHost;
  readonly #replica: Replica;
  readonly #moves: ProbeMoves;
  readonly #timer: OneTimer;
  #running: AbortController | null = null;
  #last: ProbeResult | null = null;
  #isLazy = false;
  #fromMs: number;

  constructor(host: ReplicaHost, replica: Replica, moves: ProbeMoves) {
    this.#host = host;
    this.#replica = replica;
    this.#moves = moves;
    this.#timer = new OneTimer(host.clock);
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
    const isProbed = probedStates.includes(state) && !sleep.isMoving && !sleep.isUnknown;
    const { origin, spec } = plannedProbe(status, this.#host.settings().ready);
    if (this.#running || !isProbed || origin === null || status.phase !== 'running') return;
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
    this.#timer.cancel();
    this.#isLazy = false;
  }

  #done(controller: AbortController, result: ProbeResult): void {
    if (this.#running !== controller) return;
    this.#running = null;
    this.#last = result;
    const nowMs = this.#host.clock.nowMs();
    this.#moves.onSeen(result.state, nowMs);
    if (result.state === 'ready' && this.#replica.status.isReady !== false) {
      this.#moves.onPassed();
      return;
    }
    const isUrgent = this.#host.isUrgent();
    const elapsedMs = nowMs - this.#fromMs;
    const isStart = this.#replica.state === 'starting' && !this.#host.isFixed;
    const learned = isStart ? this.#host.learned() : null;
    const delayMs = nextProbeDelayMs({ elapsedMs, learned, isUrgent });
    this.#at(nowMs + delayMs, !isUrgent);
  }

  #at(atMs: number, isLazy: boolean): void {
    this.#timer.set(atMs, () => this.now());
    this.#isLazy = isLazy;
  }
}
