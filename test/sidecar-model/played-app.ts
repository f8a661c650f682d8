import type { Clock } from '../../src/core/clock.ts';
import { type AppHooks, HookRefused } from '../../src/sidecar/model/sleep/app-hooks.ts';

/** How a hook ends: done, refused by the app, or without anybody's knowing what it did. */
export type HookEnd = 'done' | 'refused' | 'lost';

/** An app that sleeps, whose hooks take as long and end as the test says. */
export class PlayedApp implements AppHooks {
  readonly calls: string[] = [];
  readonly faults: string[] = [];
  isAsleep = false;
  takesMs = 0;
  ends: HookEnd = 'done';
  readonly #clock: Clock;
  #isBusy = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sleep(signal: AbortSignal): Promise<void> {
    return this.#hook('sleep', true, signal);
  }

  wake(signal: AbortSignal): Promise<void> {
    return this.#hook('wake', false, signal);
  }

  /** A request got through. */
  serve(): void {
    if (this.isAsleep || this.#isBusy) this.faults.push('a request came while it slept');
  }

  async #hook(name: string, isAsleep: boolean, signal: AbortSignal): Promise<void> {
    this.calls.push(name);
    if (this.#isBusy) this.faults.push(`${name} while another hook was under way`);
    const { ends, takesMs } = this;
    this.#isBusy = true;
    try {
      if (takesMs > 0) await this.#clock.sleep(takesMs, signal);
      if (ends === 'refused') throw new HookRefused(`${name}: 404`);
      this.isAsleep = isAsleep;
      if (ends === 'lost') throw new Error(`${name}: ECONNRESET`);
    } finally {
      this.#isBusy = false;
    }
  }
}
