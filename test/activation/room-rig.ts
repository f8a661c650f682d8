import { Activator } from '../../src/activation/activator.ts';
import type { ActivationEvent } from '../../src/activation/events.ts';
import type { ActivationSettings } from '../../src/activation/settings.ts';
import { decide } from '../../src/autoscale/decide.ts';
import { SharedRoom } from '../../src/autoscale/placement/shared-room.ts';
import type { Group, Needs, RoomSettings } from '../../src/core/room.ts';
import { FakeDriver, type FakeDriverOptions } from '../support/fake-driver.ts';
import { FakeGate } from '../support/fake-gate.ts';
import { FakeProber } from '../support/fake-prober.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { defaults } from './harness.ts';

const gib = 1024 ** 3;

/** What of a model is not as usual. */
export interface RoomModelOptions {
  readonly settings?: ActivationSettings;
  readonly driver?: FakeDriverOptions;
  readonly gpus?: number;
  readonly group?: Group;
}

/** Models that share one GPU of 24 GiB, unless told otherwise, and need 20 GiB of it each. */
export class RoomRig {
  readonly clock = new ManualClock();
  readonly room: SharedRoom;
  readonly models: RoomModel[] = [];

  constructor(settings: Partial<RoomSettings> = {}) {
    const gpus = [{ id: '0', pool: null, memoryBytes: 24 * gib }];
    this.room = new SharedRoom({
      clock: this.clock,
      settings: { gpus, hostBytes: null, maxStarting: null, maxPassMs: 30_000, ...settings },
      gauge: null,
    });
  }

  add(name: string, options: RoomModelOptions = {}): RoomModel {
    const model = new RoomModel(name, this, options);
    this.models.push(model);
    return model;
  }

  /** Lets everything that is due happen, and replicas that were told to end do. */
  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await this.clock.advance(0);
      for (const { driver } of this.models) driver.endStopping();
    }
    await this.clock.advance(0);
  }
}

/** One of them: its activator on fakes. */
export class RoomModel {
  readonly gate: FakeGate;
  readonly prober = new FakeProber();
  readonly driver: FakeDriver;
  readonly activator: Activator;
  readonly events: ActivationEvent[] = [];
  readonly #rig: RoomRig;

  constructor(
    name: string,
    rig: RoomRig,
    { settings = defaults, driver, gpus = 1, group }: RoomModelOptions,
  ) {
    this.#rig = rig;
    this.gate = new FakeGate(rig.clock);
    this.driver = new FakeDriver(driver);
    this.prober.state = 'unreachable';
    const needs: Needs = { gpus, memoryBytes: 20 * gib, hostBytes: 0, pool: null };
    this.activator = new Activator({
      target: { id: `${name}/default`, model: name, revision: 'default', backend: null },
      driver: this.driver,
      prober: this.prober,
      gate: this.gate,
      clock: rig.clock,
      decide,
      settings,
      random: () => 0,
      room: { room: rig.room, terms: () => ({ needs, group: group ?? null }), returnAtMs: () => null },
      onEvent: (event) => this.events.push(event),
    });
    this.activator.start();
  }

  /** Somebody comes while nothing is ready; waits when not refused. */
  enter(deadlineMs = Number.POSITIVE_INFINITY) {
    const refusal = this.activator.whenCold(deadlineMs);
    if (refusal === null) this.gate.waiting++;
    return refusal;
  }

  /** What was started becomes ready, and serves who waits. */
  async becomeReady(): Promise<string> {
    const id = this.driver.living.at(-1)!;
    this.driver.run(id, this.#rig.clock.nowMs());
    this.prober.state = 'ready';
    await this.#rig.clock.advance(1_000);
    this.gate.waiting = 0;
    await this.#rig.settle();
    return id;
  }

  /** From cold to ready. */
  async bringUp(): Promise<string> {
    this.enter();
    await this.#rig.settle();
    return this.becomeReady();
  }

  /** Its requests run from now on; 0: none does any more. */
  async run(id: string, inFlight: number): Promise<void> {
    this.gate.run(id, inFlight);
    if (inFlight === 0 && this.gate.waiting === 0) this.activator.rested();
    await this.#rig.settle();
  }
}
