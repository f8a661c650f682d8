import type { ReplicaStatus } from '../core/driver.ts';
import type { ProbeResult } from '../core/prober.ts';
import { OneTimer } from './one-timer.ts';
import { nextProbeDelayMs } from './probe-pace.ts';
import { plannedProbe } from './probe-plan.ts';
import type { ReplicaHost } from './replica-host.ts';
import type { LearnedStart } from './start-history.ts';

/** What of a replica its probes depend on, and what they tell it. */
export interface ProbedReplica {
  readonly status: ReplicaStatus;
  /** Whether it is in a state in which it is probed. */
  readonly isProbed: boolean;
  /** When it is expected to pass, since `afresh`; null: nothing is known. */
  learned(): LearnedStart | null;
  /** Somebody or nobody answered. */
  onSeen(state: ProbeResult['state'], nowMs: number): void;
  /** It is ready, and the platform does not keep it out. */
  onPassed(): void;
}

/** Probes one replica, one probe at a time, until one passes or it is stopped. */
export class ReplicaProbes {
  readonly #host: ReplicaHost;
  readonly #replica: ProbedReplica;
  readonly #timer: OneTimer;
  #running: AbortController | null = null;
  #last: ProbeResult | null = null;
  #isLazy = false;
  #fromMs: number;

  /** `fromMs` (`nowMs`): since when it may become ready. */
  constructor(host: ReplicaHost, replica: ProbedReplica, fromMs: number) {
    this.#host = host;
    this.#replica = replica;
    this.#timer = new OneTimer(host.clock);
    this.#fromMs = fromMs;
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
    const { status, isProbed } = this.#replica;
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
    this.#replica.onSeen(result.state, nowMs);
    if (result.state === 'ready' && this.#replica.status.isReady !== false) {
      this.#replica.onPassed();
      return;
    }
    const isUrgent = this.#host.isUrgent();
    const elapsedMs = nowMs - this.#fromMs;
    const delayMs = nextProbeDelayMs({ elapsedMs, learned: this.#replica.learned(), isUrgent });
    this.#at(nowMs + delayMs, !isUrgent);
  }

  #at(atMs: number, isLazy: boolean): void {
    this.#timer.set(atMs, () => this.now());
    this.#isLazy = isLazy;
  }
}
