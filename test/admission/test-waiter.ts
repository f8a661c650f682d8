import { Gate } from '../../src/admission/gate.ts';
import type { GateOptions, GateSettings } from '../../src/admission/gate-options.ts';
import type { Permit } from '../../src/admission/permit.ts';
import type { Affinity, PriorityClass, Ticket, Waiter } from '../../src/admission/waiter.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** A waiter that remembers what it was told. */
export class TestWaiter implements Waiter {
  readonly name: string;
  readonly priority: PriorityClass;
  readonly tenant: string;
  readonly bytes: number;
  readonly deadlineMs: number;
  readonly affinity: Affinity | null;
  ticket: Ticket | null = null;
  permit: Permit | null = null;
  error: PilotlightError | null = null;
  onGranted: (() => void) | null = null;
  onRefused: (() => void) | null = null;
  readonly #log: string[] | null;

  constructor(
    name: string,
    given: Partial<Pick<Waiter, 'priority' | 'tenant' | 'bytes' | 'deadlineMs' | 'affinity'>> & {
      log?: string[];
    } = {},
  ) {
    this.name = name;
    this.priority = given.priority ?? 1;
    this.tenant = given.tenant ?? 'one';
    this.bytes = given.bytes ?? 0;
    this.deadlineMs = given.deadlineMs ?? Number.POSITIVE_INFINITY;
    this.affinity = given.affinity ?? null;
    this.#log = given.log ?? null;
  }

  granted(permit: Permit): void {
    if (this.permit || this.error) throw new Error(`${this.name} was told twice`);
    this.permit = permit;
    this.#log?.push(this.name);
    this.onGranted?.();
  }

  refused(error: PilotlightError): void {
    if (this.permit || this.error) throw new Error(`${this.name} was told twice`);
    this.error = error;
    this.onRefused?.();
  }

  /** Enters and keeps an answer given at once as if it had come later. */
  enter(gate: Gate): this {
    return this.#take(gate.enter(this));
  }

  requeue(gate: Gate): this {
    this.permit = null;
    return this.#take(gate.requeue(this));
  }

  #take(outcome: Permit | PilotlightError | null): this {
    if (outcome instanceof PilotlightError) this.refused(outcome);
    else if (outcome !== null) this.granted(outcome);
    return this;
  }
}

/** Settings of a gate for the model "llama". */
export function gateSettings(given: Partial<GateSettings> = {}): GateSettings {
  return {
    model: 'llama',
    max: 100,
    maxBytes: 1_000,
    balance: { strategy: 'least', session: null, maxLoadFactor: 1.25 },
    ...given,
  };
}

/** A gate on a manual clock, without replicas, that counts how often it asked for some. */
export function openGate(settings: Partial<GateSettings> = {}, options: Partial<GateOptions> = {}) {
  const clock = new ManualClock();
  const asked = { demand: 0, cold: 0 };
  const gate = new Gate({
    settings: gateSettings(settings),
    clock,
    onDemand: () => asked.demand++,
    whenCold: () => {
      asked.cold++;
      return null;
    },
    etaMs: () => null,
    random: () => 0,
    ...options,
  });
  return { gate, clock, asked };
}
