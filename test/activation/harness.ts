import { Activator } from '../../src/activation/activator.ts';
import type { ActivationEvent } from '../../src/activation/events.ts';
import type { ActivationSettings } from '../../src/activation/settings.ts';
import { decide } from '../../src/autoscale/decide.ts';
import type { Sleeper } from '../../src/core/ladder.ts';
import type { LoadGauge } from '../../src/core/load-gauge.ts';
import { FakeDriver, type FakeDriverOptions } from '../support/fake-driver.ts';
import { FakeGate } from '../support/fake-gate.ts';
import { FakeLeadership } from '../support/fake-leadership.ts';
import { FakeProber } from '../support/fake-prober.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { scaleSettings } from '../support/scale-settings.ts';

export const defaults: ActivationSettings = {
  ready: {
    kind: 'http',
    path: '/health',
    statuses: [200],
    body: null,
    timeoutMs: 1_000,
    startupMs: 60_000,
    loading: 'Loading model',
    headers: {},
  },
  concurrency: 2,
  scale: scaleSettings({ max: 2 }),
  ladder: [],
  asksGauge: false,
  cold: 'hold',
  deadlineAware: true,
};

/** Settings with another scale. */
export function withScale(scale: Partial<ActivationSettings['scale']>): ActivationSettings {
  return { ...defaults, scale: { ...defaults.scale, ...scale } };
}

/** An activator on fakes, with the wake of a cold model as one call. */
export class Harness {
  readonly clock = new ManualClock();
  readonly gate = new FakeGate(this.clock);
  readonly prober = new FakeProber();
  readonly events: ActivationEvent[] = [];
  readonly leadership = new FakeLeadership();
  readonly driver: FakeDriver;
  readonly activator: Activator;

  constructor(
    settings: ActivationSettings = defaults,
    driver: FakeDriverOptions = {},
    {
      gauge = null,
      sleeper = null,
    }: { readonly gauge?: LoadGauge | null; readonly sleeper?: Sleeper | null } = {},
  ) {
    this.driver = new FakeDriver(driver);
    this.activator = new Activator({
      target: { id: 'm/default', model: 'm', revision: 'default', backend: null },
      driver: this.driver,
      prober: this.prober,
      gate: this.gate,
      clock: this.clock,
      decide,
      settings,
      random: () => 0,
      leadership: this.leadership,
      gauge,
      sleeper: () => sleeper,
      onEvent: (event) => this.events.push(event),
    });
    this.activator.start();
  }

  get state(): string {
    return this.activator.wakeInfo().state;
  }

  typesOf(): string[] {
    return this.events.map(({ type }) => type);
  }

  event<Type extends ActivationEvent['type']>(
    type: Type,
  ): Extract<ActivationEvent, { type: Type }> | undefined {
    return this.events.findLast(
      (event): event is Extract<ActivationEvent, { type: Type }> => event.type === type,
    );
  }

  /** Somebody comes while nothing is ready; waits when not refused. */
  enter(deadlineMs = Number.POSITIVE_INFINITY) {
    const refusal = this.activator.whenCold(deadlineMs);
    if (refusal === null) this.gate.waiting++;
    return refusal;
  }

  /** From cold to ready within `loadMs`; returns the id. */
  async bringUp(loadMs = 1_000): Promise<string> {
    this.prober.state = 'unreachable';
    this.enter();
    await this.clock.settle();
    const id = this.driver.living.at(-1)!;
    this.driver.run(id, this.clock.nowMs());
    await this.clock.advance(loadMs);
    this.prober.state = 'ready';
    await this.clock.advance(1_000);
    this.gate.waiting = 0;
    return id;
  }

  /** Ends what `bringUp` started. */
  async takeDown(): Promise<void> {
    this.activator.stop();
    await this.clock.settle();
    this.driver.endStopping();
    await this.clock.settle();
  }
}
