import type { Gate } from '../../../admission/gate.ts';
import type { GateOptions } from '../../../admission/gate-options.ts';
import { type Cancel, type Clock, systemClock } from '../../../core/clock.ts';
import { PilotlightError } from '../../../core/errors.ts';
import { type AppHooks, HookRefused } from './app-hooks.ts';
import { Doubling } from './doubling.ts';

/**
 * | state | event | next |
 * |---|---|---|
 * | awake | nothing waits or runs for idleMs, and the app is ready | falling: the gate takes nobody, the hook is called |
 * | falling | the hook is done, nobody waits | asleep |
 * | falling | the hook is done, somebody waits | waking |
 * | falling | the app refused the hook | awake; it is tried again after a minute, doubling to an hour |
 * | falling | nobody knows whether it sleeps | waking |
 * | asleep | somebody enters | waking: the hook is called, then the app is asked until it is ready |
 * | waking | it is ready | awake: those who waited go, in order |
 * | waking | it failed | asleep; who waits is refused, and who enters within a second, doubling to a minute |
 */
export type SleepState = 'awake' | 'falling' | 'asleep' | 'waking';

/** What happened, for the log. A sleep that fails again and again is told once. */
export type SleepEvent =
  | { readonly kind: 'slept' | 'woke'; readonly tookMs: number }
  | { readonly kind: 'sleep failed' | 'wake failed'; readonly reason: string };

/** The gate before the app, with the app as its only replica. */
export type SleepGate = Pick<Gate, 'suspend' | 'reinstate' | 'failWaiters' | 'idleSinceMs' | 'waiting'>;

export interface AppSleepOptions {
  readonly idleMs: number;
  readonly hooks: AppHooks;
  /** The gate's name for the app. */
  readonly replica: string;
  /** Asked before the app is sent to sleep: one that is still starting is left alone. Must not reject. */
  readonly isReady: () => Promise<boolean>;
  /** Must not throw. */
  readonly onEvent?: (event: SleepEvent) => void;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Sends an idle app to sleep and wakes it for the next request, which waits in the gate meanwhile. It has its own states
 * and no more than one hook under way.
 */
export class AppSleep {
  /** Where the gate tells who comes and goes. */
  readonly gateHooks: Pick<GateOptions, 'whenCold' | 'onRest'> = {
    whenCold: () => this.#entered(),
    onRest: () => this.#rest(),
  };
  readonly #options: AppSleepOptions;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  readonly #sleepPause = new Doubling(60_000, 3_600_000);
  readonly #wakePause = new Doubling(1_000, 60_000);
  #gate: SleepGate | null = null;
  #state: SleepState = 'awake';
  #wakeFailure: string | null = null;
  #cancelTimer: Cancel = () => undefined;
  #isAsking = false;
  #underWay: Promise<void> = Promise.resolve();

  constructor(options: AppSleepOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get state(): SleepState {
    return this.#state;
  }

  /**
   * What readiness should say of it without asking the app. `asleep`: it is ready, as the next request wakes it; Kubernetes
   * would otherwise take the pod out, and nobody would come. `failing`: it is not, so that other pods get the requests until
   * it is tried again.
   */
  get standing(): 'awake' | 'asleep' | 'failing' {
    if (this.#state === 'awake') return 'awake';
    return this.#clock.nowMs() < this.#wakePause.untilMs ? 'failing' : 'asleep';
  }

  /** Begins to look at the gate that was made with `gateHooks`. */
  start(gate: SleepGate): void {
    this.#gate = gate;
    this.#rest();
  }

  /** No more hooks; resolves when the one under way has ended. An app that sleeps goes on sleeping. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('closed'));
    this.#cancelTimer();
    await this.#underWay;
  }

  /** Somebody enters while the gate takes nobody. */
  #entered(): PilotlightError | null {
    if (this.#state !== 'asleep' || this.#closing.signal.aborted) return null;
    const pauseMs = this.#wakePause.untilMs - this.#clock.nowMs();
    if (pauseMs > 0) return this.#refusal(pauseMs);
    this.#begin(() => this.#wake());
    return null;
  }

  #rest(): void {
    const idleSinceMs = this.#gate?.idleSinceMs ?? null;
    if (idleSinceMs === null || this.#state !== 'awake' || this.#closing.signal.aborted) return;
    this.#cancelTimer();
    const dueMs = Math.max(idleSinceMs + this.#options.idleMs, this.#sleepPause.untilMs);
    this.#cancelTimer = this.#clock.setTimer(dueMs, () => this.#due(dueMs));
  }

  #due(dueMs: number): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#begin(async () => {
      const isReady = await this.#options.isReady();
      this.#isAsking = false;
      if (this.#closing.signal.aborted) return;
      const idleSinceMs = this.#gate?.idleSinceMs ?? null;
      const wasIdle = idleSinceMs !== null && idleSinceMs + this.#options.idleMs <= dueMs;
      if (isReady && wasIdle) await this.#fall();
      else this.#later(isReady);
    });
  }

  /** Somebody came meanwhile, or the app was not ready. */
  #later(isReady: boolean): void {
    if (isReady) {
      this.#rest();
      return;
    }
    const atMs = this.#clock.nowMs() + this.#options.idleMs;
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.setTimer(atMs, () => this.#rest());
  }

  /** Nothing waits or runs: from here on nobody gets through. */
  async #fall(): Promise<void> {
    const gate = this.#gate;
    if (gate === null) return;
    const startedMs = this.#clock.nowMs();
    this.#state = 'falling';
    gate.suspend(this.#options.replica);
    try {
      await this.#options.hooks.sleep(this.#closing.signal);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#sleepFailed(error);
      if (error instanceof HookRefused) this.#rise();
      else await this.#wake();
      return;
    }
    this.#sleepPause.succeed();
    this.#state = 'asleep';
    this.#tell({ kind: 'slept', tookMs: this.#clock.nowMs() - startedMs });
    if (gate.waiting > 0) await this.#wake();
  }

  async #wake(): Promise<void> {
    const startedMs = this.#clock.nowMs();
    this.#state = 'waking';
    try {
      await this.#options.hooks.wake(this.#closing.signal);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#wakeFailed(error);
      return;
    }
    this.#wakePause.succeed();
    this.#tell({ kind: 'woke', tookMs: this.#clock.nowMs() - startedMs });
    this.#rise();
  }

  #rise(): void {
    this.#state = 'awake';
    this.#gate?.reinstate(this.#options.replica);
    this.#rest();
  }

  #sleepFailed(error: unknown): void {
    const isFirst = this.#sleepPause.untilMs === Number.NEGATIVE_INFINITY;
    this.#sleepPause.fail(this.#clock.nowMs());
    if (isFirst) this.#tell({ kind: 'sleep failed', reason: messageOf(error) });
  }

  #wakeFailed(error: unknown): void {
    this.#state = 'asleep';
    this.#wakeFailure = messageOf(error);
    this.#wakePause.fail(this.#clock.nowMs());
    this.#tell({ kind: 'wake failed', reason: this.#wakeFailure });
    this.#gate?.failWaiters(this.#refusal(this.#wakePause.untilMs - this.#clock.nowMs()));
  }

  #refusal(retryAfterMs: number): PilotlightError {
    return new PilotlightError('start_failed', `the app did not wake up: ${this.#wakeFailure}`, {
      retryAfterMs,
      phase: 'waking',
    });
  }

  #begin(task: () => Promise<void>): void {
    this.#underWay = task();
  }

  #tell(event: SleepEvent): void {
    this.#options.onEvent?.(event);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
