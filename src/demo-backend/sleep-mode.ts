import type { Clock } from '../core/clock.ts';
import type { DemoBackendOptions } from './options.ts';
import { DemoError, type JsonObject } from './requests.ts';

const allTags = ['weights', 'kv_cache'];

/**
 * What vLLM does with --enable-sleep-mode, in time alone (its guide "Sleep Mode" and v1/executor/abstract.py):
 *
 * | state | /sleep?level=N | /wake_up?tags=T | reload_weights | a request |
 * |---|---|---|---|---|
 * | awake | asleep, with all tags | nothing | weights are read | served |
 * | asleep | nothing, whatever the level | without these tags; awake when none is left | weights are read | the engine dies |
 *
 * After level 2 the weights are nonsense until they are reloaded. Here a request says so; vLLM answers nonsense.
 */
export class SleepMode {
  readonly #options: DemoBackendOptions;
  readonly #clock: Clock;
  #level = 0;
  #tags = new Set<string>();
  #hasWeights = true;
  #isDead = false;

  constructor(options: DemoBackendOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** What /health tells. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Whether there is such a route. */
  takes(route: string): boolean {
    const routes = ['POST /sleep', 'POST /wake_up', 'GET /is_sleeping', 'POST /collective_rpc'];
    return this.#options.hasSleepMode && routes.includes(route);
  }

  /** The answer to a route that it takes. Rejects with DemoError, or with the signal's reason. */
  async answer(url: URL, body: () => Promise<JsonObject>, signal: AbortSignal): Promise<object> {
    if (this.#options.failing.includes(url.pathname + url.search))
      throw new DemoError(500, `${url.pathname} fails, as it was told to`);
    switch (url.pathname) {
      case '/sleep':
        this.#sleep(Number(url.searchParams.get('level') ?? 1));
        return {};
      case '/wake_up':
        await this.#wake(url.searchParams.getAll('tags'), signal);
        return {};
      case '/collective_rpc':
        await this.#call(await body(), signal);
        return { results: [null] };
      default:
        return { is_sleeping: this.#tags.size > 0 };
    }
  }

  /** Throws a DemoError for a request that cannot be served; one to a sleeping engine is its end. */
  assertAwake(): void {
    if (this.#tags.size > 0) this.#isDead = true;
    if (this.#isDead) throw new DemoError(500, 'EngineCore encountered an issue: a request while it slept');
    if (!this.#hasWeights) throw new DemoError(500, 'the weights were not reloaded');
  }

  #sleep(level: number): void {
    if (this.#tags.size > 0) return;
    this.#level = level;
    this.#tags = new Set(allTags);
    if (level === 2) this.#hasWeights = false;
  }

  async #wake(tags: readonly string[], signal: AbortSignal): Promise<void> {
    const wanted = tags.length === 0 ? allTags : tags;
    if (wanted.some((tag) => !this.#tags.has(tag)) && tags.length > 0) return;
    if (this.#tags.size === 0) return;
    if (this.#level === 1 && wanted.includes('weights'))
      await this.#clock.sleep(this.#options.wakeTimeMs, signal);
    for (const tag of wanted) this.#tags.delete(tag);
  }

  async #call({ method }: JsonObject, signal: AbortSignal): Promise<void> {
    if (method !== 'reload_weights')
      throw new DemoError(400, `the demo backend has no method ${String(method)}`);
    await this.#clock.sleep(this.#options.reloadTimeMs, signal);
    this.#hasWeights = true;
  }
}
