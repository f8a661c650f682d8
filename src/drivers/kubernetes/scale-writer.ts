import type { Clock } from '../../core/clock.ts';
import type { ScaleRequest } from '../../core/driver.ts';
import type { Leadership } from '../../core/leadership.ts';
import { KubeError } from '../../kube/api.ts';
import { TargetFault } from './scale-target.ts';

/** A count as it stood at a version of the object. */
export interface Count {
  readonly replicas: number;
  readonly resourceVersion: string;
}

/** The object that is written. Each rejects with an error of its own, or with the signal's reason. */
export interface CountStore {
  /** What is known without asking, null: nothing that can be built upon. */
  known(): Count | null;
  read(limits: WriteLimits): Promise<Count>;
  /** `conflict`: the object is not at `from.resourceVersion` any more. */
  write(from: Count, replicas: number, limits: WriteLimits): Promise<Count | 'conflict'>;
  /** `conflict`: its count is not `from.replicas` (above 0) any more; whatever else of it has changed. */
  writeWhereCounted(from: Count, replicas: number, limits: WriteLimits): Promise<Count | 'conflict'>;
}

/** Of one call. */
export interface WriteLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface ScaleWriterOptions {
  readonly store: CountStore;
  readonly clock: Clock;
  readonly leadership: Leadership;
  /** How long it surely leads from now on, milliseconds. */
  leadsFor(): number;
  isExternal(): boolean;
  isStale(): boolean;
  /** Before the count is lowered: marks who is to end. Rejects where that must not go on. */
  prepare(request: ScaleRequest, from: Count, limits: WriteLimits): Promise<void>;
  /** The count is this one now; `isOwn`: written here. Called before `scale` resolves. */
  onCount(count: Count, isOwn: boolean): void;
  readonly signal: AbortSignal;
}

interface Caller {
  resolve(): void;
  reject(error: unknown): void;
  readonly signal: AbortSignal;
}

const maxTimeoutMs = 10_000;
const minTimeoutMs = 250;
const maxTries = 8;
const firstPauseMs = 100;
const maxPauseMs = 1_000;
/** A burst of requests is not over when the first of them is: what it needs besides is one more write. */
const burstMs = 50;
const restlessTries = 3;

/** No answer, throttled, or a fault of the server's own. */
const isPassing = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 0 || error.status === 429 || error.status >= 500);

/** The only place that writes counts, one per target: one write at a time, the last call wins. */
export class ScaleWriter {
  readonly #options: ScaleWriterOptions;
  #request: ScaleRequest | null = null;
  #callers: Caller[] = [];
  #isRunning = false;
  #burstUntilMs = 0;

  constructor(options: ScaleWriterOptions) {
    this.#options = options;
  }

  /** Something is to be written, or being written. */
  get isBusy(): boolean {
    return this.#isRunning;
  }

  /**
   * Resolves when the count is written, right already, or was changed by somebody else meanwhile, who is obeyed. Rejects
   * with `TargetFault` or the signal's reason. Calls of one turn are one write.
   */
  scale(request: ScaleRequest, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const done = () => signal.removeEventListener('abort', onAbort);
      this.#request = request;
      this.#callers.push({
        signal,
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      if (this.#isRunning) return;
      this.#isRunning = true;
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#request !== null) {
      const byOthers = await this.#burst();
      const request = this.#request;
      const callers = this.#callers;
      this.#request = null;
      this.#callers = [];
      if (callers.every(({ signal }) => signal.aborted)) continue;
      try {
        if (byOthers === null) await this.#reachPatiently(request, callers);
        else this.#options.onCount(byOthers, false);
        for (const caller of callers) caller.resolve();
      } catch (error) {
        for (const caller of callers) caller.reject(error);
      }
    }
    this.#isRunning = false;
  }

  /** Waits for the end of the burst that the last raise began; returns the count where others changed it meanwhile. */
  async #burst(): Promise<Count | null> {
    const { clock, signal, store } = this.#options;
    const leftMs = this.#burstUntilMs - clock.nowMs();
    this.#burstUntilMs = 0;
    if (leftMs <= 0) return null;
    const before = store.known();
    await clock.sleep(leftMs, signal).catch(() => undefined); // Closed: the next call says so.
    const now = store.known();
    return before !== null && now !== null && now.replicas !== before.replicas ? now : null;
  }

  /**
   * A server that is away or overwhelmed is asked again, until somebody wants something else or nobody anything. Nobody
   * waits for a count of 0: it is refused.
   */
  async #reachPatiently(request: ScaleRequest, callers: readonly Caller[]): Promise<void> {
    const { clock, signal } = this.#options;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
      try {
        await this.#reach(request);
        return;
      } catch (error) {
        if (!isPassing(error) || request.replicas === 0) throw error;
      }
      await clock.sleep(pauseMs, signal);
      if (this.#request !== null || callers.every((caller) => caller.signal.aborted)) return;
    }
  }

  async #reach(request: ScaleRequest): Promise<void> {
    const { store, onCount } = this.#options;
    let from = store.known() ?? (await store.read(this.#limits()));
    const wanted = this.#wanted(request, from);
    if (wanted < from.replicas) {
      this.#expectMayLower();
      await this.#options.prepare(request, from, this.#limits());
      if (this.#request !== null) return;
    }
    for (let tries = 0; tries < maxTries; tries++) {
      if (wanted === from.replicas) return onCount(from, false);
      if (wanted < from.replicas) this.#expectMayLower();
      else this.#burstUntilMs = this.#options.clock.nowMs() + burstMs;
      // An object whose status changes many times a second is never at the version that was read.
      const isRestless = tries >= restlessTries && from.replicas > 0;
      const written = isRestless
        ? await store.writeWhereCounted(from, wanted, this.#limits())
        : await store.write(from, wanted, this.#limits());
      if (written !== 'conflict') return onCount(written, true);
      const now = await store.read(this.#limits());
      if (now.replicas !== from.replicas) return onCount(now, false);
      from = now;
    }
    throw new TargetFault(`the object changed ${maxTries} times while its count was written`);
  }

  #wanted({ replicas }: ScaleRequest, from: Count): number {
    if (!this.#options.isExternal()) return replicas;
    return from.replicas === 0 && replicas > 0 ? 1 : from.replicas;
  }

  /** Bounded by the lease: a write that outlives it could undo what the next leader has done. */
  #limits(): WriteLimits {
    const { leadership, leadsFor, signal } = this.#options;
    const timeoutMs = Math.min(maxTimeoutMs, Math.floor(leadsFor()));
    if (!leadership.isLeader || timeoutMs < minTimeoutMs)
      throw new TargetFault(
        `this gateway does not lead: ${leadership.reason ?? 'its lease is about to end'}`,
      );
    return { timeoutMs, signal };
  }

  #expectMayLower(): void {
    const { isStale, leadership, clock } = this.#options;
    if (isStale()) throw new TargetFault('the view of the cluster is old: nothing is lowered');
    if (clock.nowMs() < leadership.lowersFromMs)
      throw new TargetFault('the gateway that led before may still be serving: nothing is lowered yet');
  }
}
