import type { Waiter } from './admission/waiter.ts';
import type { ModelSettings, Settings } from './config/settings.ts';
import type { Log } from './meter/log.ts';
import { ModelRuntime, needsNewReplicas, type RuntimeParts } from './model-runtime.ts';
import type { Directory, ModelEntry } from './pipeline.ts';

/** The models of the running configuration, and how a new one takes the place of the old. */
export class Roster implements Directory {
  readonly #parts: RuntimeParts;
  readonly #log: Log;
  /** Hands waiters to another model's gate. */
  readonly #move: (waiters: readonly Waiter[], to: ModelEntry) => void;
  readonly #closing = new AbortController();
  readonly #retiring = new Set<Promise<void>>();
  #runtimes = new Map<string, ModelRuntime>();
  #byName = new Map<string, ModelRuntime>();

  constructor(parts: RuntimeParts, log: Log, move: (waiters: readonly Waiter[], to: ModelEntry) => void) {
    this.#parts = parts;
    this.#log = log;
    this.#move = move;
  }

  find(name: string): ModelEntry | undefined {
    return this.#byName.get(name);
  }

  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  get runtimes(): ReadonlyMap<string, ModelRuntime> {
    return this.#runtimes;
  }

  /** Takes a configuration: what is unchanged goes on, what is removed or replaced ends after its last request. */
  apply(settings: Settings): void {
    const before = this.#runtimes;
    const after = new Map<string, ModelRuntime>();
    for (const model of settings.models.values())
      after.set(model.name, this.#runtimeFor(model, before.get(model.name)));
    this.#runtimes = after;
    this.#byName = new Map();
    for (const [name, runtime] of after) {
      for (const alias of runtime.settings.aliases) this.#byName.set(alias, runtime);
      this.#byName.set(name, runtime);
    }
    for (const [name, runtime] of before) if (!after.has(name)) this.#retire(runtime);
  }

  #runtimeFor(model: ModelSettings, old: ModelRuntime | undefined): ModelRuntime {
    if (old !== undefined && !needsNewReplicas(old.settings, model)) {
      old.configure(model);
      return old;
    }
    const fresh = new ModelRuntime(model, this.#parts);
    if (old === undefined) fresh.start();
    else this.#replace(old, fresh);
    return fresh;
  }

  /**
   * The new one takes what comes from now on. The old one serves what runs, and where it is ready and need not stop
   * first also who waits; all others move to the new one's queue, in their order.
   */
  #replace(old: ModelRuntime, fresh: ModelRuntime): void {
    const isStopFirst = fresh.settings.revision.rollout === 'stop-first';
    if (isStopFirst || old.wakeInfo().state !== 'ready') this.#move(old.gate.takeWaiters(), fresh);
    if (isStopFirst) {
      this.#retire(old, () => fresh.start());
    } else {
      fresh.start();
      this.#retire(old);
    }
  }

  #retire(runtime: ModelRuntime, then?: () => void): void {
    const retired = runtime
      .retire(this.#closing.signal)
      .catch((error: unknown) =>
        this.#log.error({ err: error, model: runtime.settings.name }, 'retiring failed'),
      )
      .then(() => {
        this.#retiring.delete(retired);
        if (!this.#closing.signal.aborted) then?.();
      });
    this.#retiring.add(retired);
  }

  /** Ends every replica. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#retiring, ...[...this.#runtimes.values()].map((runtime) => runtime.close())]);
  }
}
