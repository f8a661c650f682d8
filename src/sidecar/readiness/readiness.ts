import { type Clock, systemClock } from '../../core/clock.ts';
import type { AppProbe, ModelFeatures, SidecarSettings } from '../settings.ts';
import { tryHttp } from './http-try.ts';
import { ProbeRun } from './probe-run.ts';
import type { Verdict } from './verdict.ts';

/**
 * | state | the app |
 * |---|---|
 * | ready | passed its probes, has none, or sleeps well |
 * | loading | said so, to a probe or to a request |
 * | unready | did not pass |
 */
export type ReadinessState = 'ready' | 'loading' | 'unready';

export interface ReadinessOptions {
  /** All must pass; none: the app is always ready, as with the original. */
  readonly probes: readonly AppProbe[];
  /** HTTP probes ask by either version. Default false. */
  readonly detectsHttp2?: boolean;
  /** Default null: it is not looked for. */
  readonly loading?: ModelFeatures['loading'];
  /** Where `loading.path` is asked. */
  readonly user: SidecarSettings['user'];
  /**
   * What is known of an app that may have been sent to sleep (`AppSleep.standing`): asleep is ready, failing is not, both
   * without asking it. Default: it is always awake.
   */
  readonly standing?: () => 'awake' | 'asleep' | 'failing';
  /** Told of each change, with a line for people. Must not throw. */
  readonly onState?: (state: ReadinessState, detail: string) => void;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** Limit of the question whether the app is loading. */
const loadingTimeoutMs = 1_000;

/** So long a request's "loading" counts, unless another is served before: longer than the usual period of a probe. */
const loadingHoldMs = 5_000;

/**
 * Whether the app is ready, found out when somebody asks and never in between. Whoever asks while it is being found out gets
 * the same answer.
 */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #clock: Clock;
  readonly #runs: readonly ProbeRun[];
  readonly #closing = new AbortController();
  #underWay: Promise<boolean> | null = null;
  #state: ReadinessState | null = null;
  #heldUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReadinessOptions) {
    this.#options = options;
    const { probes, detectsHttp2 = false, loading = null, clock = systemClock } = options;
    this.#clock = clock;
    const context = { detectsHttp2, loading: loading?.text ?? null, clock, signal: this.#closing.signal };
    this.#runs = probes.map((probe) => new ProbeRun(probe, context));
  }

  /** As it was found last; null: nobody has asked yet. */
  get state(): ReadinessState | null {
    return this.#state;
  }

  /** Asks the app, but for what is known without. Never rejects; false after `close`. */
  isReady(): Promise<boolean> {
    this.#underWay ??= this.#find().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  /** The app answered a request with a 503 by which it says that it is loading: not ready for a while. */
  noteLoading(): void {
    this.#heldUntilMs = this.#clock.nowMs() + loadingHoldMs;
    this.#become('loading', 'a request was answered so');
  }

  /** The app served a request: what was said before of loading is over. */
  noteServed(): void {
    this.#heldUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Ends what is under way; who waits for it gets false. */
  close(): void {
    this.#closing.abort(new Error('closed'));
  }

  async #find(): Promise<boolean> {
    const { signal } = this.#closing;
    if (signal.aborted) return false;
    const known = this.#known;
    if (known !== null) return known;
    try {
      return this.#judge(await this.#ask());
    } catch (error) {
      if (!signal.aborted) throw error;
      return false;
    }
  }

  async #ask(): Promise<readonly Verdict[]> {
    const verdicts = await Promise.all(this.#runs.map((run) => run.run()));
    const { loading = null, probes, user } = this.#options;
    const isTold = probes[0]?.kind === 'http';
    if (loading === null || isTold || !verdicts.every(({ isPassed }) => isPassed)) return verdicts;
    const { text, path } = loading;
    const attempt = { timeoutMs: loadingTimeoutMs, loading: text, clock: this.#clock };
    const target = { ...user, path, scheme: 'http', headers: [] } as const;
    const said = await tryHttp(target, { ...attempt, signal: this.#closing.signal });
    this.#closing.signal.throwIfAborted();
    return [...verdicts, { ...said, isPassed: !said.isLoading }];
  }

  #judge(verdicts: readonly Verdict[]): boolean {
    // A request, or a hook, may have said more meanwhile.
    const known = this.#known;
    if (known !== null) return known;
    const failures = verdicts.filter(({ isPassed }) => !isPassed);
    const state =
      failures.length === 0 ? 'ready' : failures.some(({ isLoading }) => isLoading) ? 'loading' : 'unready';
    this.#become(
      state,
      (failures.length === 0 ? verdicts : failures).map(({ detail }) => detail).join('; ') || 'no probe',
    );
    return state === 'ready';
  }

  /** What is known without asking the app; null: nothing. */
  get #known(): boolean | null {
    const standing = this.#options.standing?.() ?? 'awake';
    if (standing === 'awake') return this.#clock.nowMs() < this.#heldUntilMs ? false : null;
    if (standing === 'failing') this.#become('unready', 'it does not wake up');
    else this.#become('ready', 'it sleeps');
    return standing === 'asleep';
  }

  #become(state: ReadinessState, detail: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState?.(state, detail);
  }
}
