import { Activator } from '../activation/activator.ts';
import type { RoomAccess } from '../activation/room-access.ts';
import { Gate } from '../admission/gate.ts';
import { Permit } from '../admission/permit.ts';
import type { Waiter } from '../admission/waiter.ts';
import type { ReturnPool } from '../autoscale/adaptive/return-pool.ts';
import { Decider } from '../autoscale/decider.ts';
import { activationPart, gatePart } from '../config/model-parts.ts';
import type { Driver, Target } from '../core/driver.ts';
import type { Prober } from '../core/prober.ts';
import { Ledger, type OnSpell, type Window } from './ledger.ts';
import type { Policy } from './policy.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What the models of a simulation share. */
export interface ModelParts {
  readonly clock: VirtualClock;
  readonly driver: Driver;
  readonly prober: Prober;
  readonly policy: Policy;
  readonly window: Window;
  /** When requests return to idle models, learned over all of them. */
  readonly returns: ReturnPool;
  /** null: there is room for whatever is wanted. */
  readonly room: Omit<RoomAccess, 'returnAtMs'> | null;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Told what its replicas did; null: nobody asks. */
  readonly onSpell: OnSpell | null;
}

/** One model at work: the gateway's own gate, activator and decider, wired as in the gateway, and what is counted of them. */
export class SimulatedModel {
  readonly target: Target;
  readonly ledger: Ledger;
  readonly #clock: VirtualClock;
  readonly #gate: Gate;
  readonly #activator: Activator;
  #isCold = false;

  constructor(name: string, parts: ModelParts) {
    const { clock, driver, prober, policy, window, returns, random, room } = parts;
    const settings = { ...(policy.settingsByModel?.get(name) ?? policy.settings), name };
    const { revision } = settings;
    this.target = {
      id: `${name}/${revision.name}`,
      model: name,
      revision: revision.name,
      backend: revision.backend,
    };
    this.#clock = clock;
    this.ledger = new Ledger(window, parts.onSpell);
    const decider = new Decider(clock, returns);
    this.#gate = new Gate({
      settings: gatePart(settings),
      clock,
      random,
      onDemand: () => this.#activator.demand(),
      whenCold: (deadlineMs) => {
        this.#isCold = true;
        return this.#activator.whenCold(deadlineMs);
      },
      etaMs: () => this.#activator.wakeInfo().etaMs,
      onReturn: (...facts) => decider.returned(...facts),
      onRest: () => this.#activator.rested(),
    });
    this.#activator = new Activator({
      target: this.target,
      driver,
      prober,
      gate: this.#gate,
      clock,
      decide: decider.decide,
      settings: activationPart(settings),
      random,
      room: room && { ...room, returnAtMs: () => decider.returnAtMs() },
      onEvent: (event) => {
        if (event.type === 'ready') this.ledger.ready(event.replicaId, clock.nowMs());
        if (event.type === 'evicted') this.ledger.evicted(event.replicas, clock.nowMs());
      },
    });
  }

  /** From now on it may start replicas. */
  start(): void {
    this.#activator.start();
  }

  /**
   * A request arrives; true: it found no replica that takes requests. `waiter` is called for a permit that it gets at once
   * as well, and for a refusal.
   */
  enter(waiter: Waiter): boolean {
    this.#isCold = false;
    const outcome = this.#gate.enter(waiter);
    if (outcome instanceof Permit) waiter.granted(outcome);
    else if (outcome !== null) waiter.refused(outcome);
    return this.#isCold;
  }

  /** Its request runs for `execMs` from now on, then `onEnd` is called. */
  run(permit: Permit, execMs: number, onEnd: () => void): void {
    const { replicaId } = permit;
    const nowMs = this.#clock.nowMs();
    this.ledger.granted(replicaId, nowMs);
    this.#activator.firstByte(replicaId);
    this.#clock.setEvent('end', nowMs + execMs, () => {
      this.ledger.released(replicaId, this.#clock.nowMs());
      permit.release();
      onEnd();
    });
  }

  /** Nothing is started or ended any more. */
  async close(): Promise<void> {
    this.#gate.close();
    await this.#activator.close();
  }
}
