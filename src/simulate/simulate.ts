import type { Permit } from '../admission/permit.ts';
import type { Ticket, Waiter } from '../admission/waiter.ts';
import { ReturnPool } from '../autoscale/adaptive/return-pool.ts';
import type { SharedRoom } from '../autoscale/placement/shared-room.ts';
import type { DayRecorder } from './day.ts';
import { Counts, type Figures, sumOf } from './figures.ts';
import type { OnSpell, Window } from './ledger.ts';
import type { Policy } from './policy.ts';
import { seededRandom } from './seeded-random.ts';
import { needsOf, roomOf, type SharedGpus } from './shared-gpus.ts';
import { SimulatedDriver, simulatedProber } from './simulated-driver.ts';
import { type ModelParts, SimulatedModel } from './simulated-model.ts';
import type { Spread } from './spread.ts';
import type { Trace } from './trace.ts';
import { VirtualClock } from './virtual-clock.ts';

/** What is simulated. */
export interface SimulateOptions {
  readonly trace: Trace;
  readonly policy: Policy;
  /** How long starts take. The n-th start of a model takes the same under each policy. */
  readonly load: Spread;
  readonly seed: number;
  /** Requests before it (since the trace began) happen, and are not counted. */
  readonly judgeFromMs: number;
  /** Of a replica-hour; null: none. */
  readonly price: number | null;
  /** GPUs that the models share; absent, or null: there are always enough. */
  readonly gpus?: SharedGpus | null;
  /** Records one model's day; absent: none. */
  readonly day?: DayRecorder;
  /** Default: one that begins when the trace did. */
  readonly clock?: VirtualClock;
}

/** What one policy made of a trace. */
export interface PolicyFigures extends Figures {
  readonly policy: string;
  /** In the order in which they first appear; those of which no request counts and no replica ran are left out. */
  readonly models: readonly ModelFigures[];
}

/** The same for one model. */
export interface ModelFigures extends Figures {
  readonly model: string;
}

/** Plays a trace against the gateway's gate, activation and decisions, on a virtual clock. The same input gives the same figures. */
export async function simulate(options: SimulateOptions): Promise<PolicyFigures> {
  return new Simulation(options).run();
}

/** A request on its way; its place in the trace is its name. */
class SimulatedRequest implements Waiter {
  readonly priority = 1;
  readonly tenant = '';
  readonly bytes = 0;
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  readonly affinity = null;
  ticket: Ticket | null = null;
  readonly #at: number;
  readonly #simulation: Simulation;

  constructor(at: number, simulation: Simulation) {
    this.#at = at;
    this.#simulation = simulation;
  }

  granted(permit: Permit): void {
    this.#simulation.granted(this.#at, permit);
  }

  refused(): void {
    this.#simulation.refused(this.#at);
  }
}

class Simulation {
  readonly #options: SimulateOptions;
  readonly #trace: Trace;
  readonly #window: Window;
  readonly #clock: VirtualClock;
  readonly #models: readonly SimulatedModel[];
  readonly #room: SharedRoom | null;
  /** NaN: refused. */
  readonly #waitMs: Float64Array;
  readonly #isCold: Uint8Array;
  #next = 0;
  /** Arrived, and not at their end. */
  #open = 0;

  constructor(options: SimulateOptions) {
    const { trace, policy, load, seed, judgeFromMs } = options;
    this.#options = options;
    this.#trace = trace;
    this.#window = { fromMs: judgeFromMs, toMs: trace.endMs };
    const clock = options.clock ?? new VirtualClock(trace.wallFromMs);
    this.#clock = clock;
    this.#waitMs = new Float64Array(trace.count);
    this.#isCold = new Uint8Array(trace.count);
    const modelByName = new Map<string, SimulatedModel>();
    const loads = new Map(trace.models.map((name) => [name, seededRandom(seed, `load ${name}`)]));
    const ledgerOf = (name: string) => modelByName.get(name)!.ledger;
    const promised = () => clock.promised();
    const driver = new SimulatedDriver({
      clock,
      promised,
      loadMs: ({ model }) => load.at(loads.get(model)!()),
      onCreated: ({ model }, id) => ledgerOf(model).created(id, clock.nowMs()),
      onEnded: ({ model }, id) => ledgerOf(model).ended(id, clock.nowMs()),
    });
    const parts = {
      clock,
      driver,
      prober: simulatedProber(promised),
      policy,
      window: this.#window,
      returns: new ReturnPool(),
    };
    const { day } = options;
    const onSpellOf = (name: string): OnSpell | null =>
      day?.window.model === name ? (...spell) => day.spent(...spell) : null;
    const { gpus: shared = null } = options;
    this.#room = shared && roomOf(shared, clock);
    const accessOf = (name: string): ModelParts['room'] =>
      shared &&
      this.#room && {
        room: this.#room,
        terms: () => ({ needs: needsOf(shared, name), group: null }),
      };
    for (const name of trace.models) {
      const random = seededRandom(seed, `gate ${name}`);
      const own = { random, onSpell: onSpellOf(name), room: accessOf(name) };
      modelByName.set(name, new SimulatedModel(name, { ...parts, ...own }));
    }
    this.#models = [...modelByName.values()];
  }

  async run(): Promise<PolicyFigures> {
    for (const model of this.#models) model.start();
    this.#await();
    await this.#clock.runUntil(this.#window.toMs);
    const isServed = await this.#clock.runWhile(() => this.#open > 0);
    if (!isServed) throw new Error(`${this.#open} requests were neither served nor refused`);
    for (const { ledger } of this.#models) ledger.close(this.#clock.nowMs());
    await Promise.all(this.#models.map((model) => model.close()));
    this.#room?.close();
    this.#recordDay();
    return this.#figures();
  }

  #recordDay(): void {
    const { day } = this.#options;
    if (day === undefined) return;
    const { models, model, arrivalMs, count } = this.#trace;
    const index = models.indexOf(day.window.model);
    for (let at = 0; at < count; at++)
      if (model[at] === index) day.asked(arrivalMs[at]!, this.#isCold[at] === 1);
  }

  granted(at: number, permit: Permit): void {
    this.#waitMs[at] = this.#clock.nowMs() - this.#trace.arrivalMs[at]!;
    this.#modelAt(at).run(permit, this.#trace.execMs[at]!, () => {
      this.#open--;
    });
  }

  refused(at: number): void {
    this.#waitMs[at] = Number.NaN;
    this.#open--;
  }

  #modelAt(at: number): SimulatedModel {
    return this.#models[this.#trace.model[at]!]!;
  }

  /** Sets the timer of the next arrival; there is one for all. */
  #await(): void {
    if (this.#next === this.#trace.count) return;
    this.#clock.setEvent('arrival', this.#trace.arrivalMs[this.#next]!, () => {
      const at = this.#next++;
      this.#open++;
      if (this.#modelAt(at).enter(new SimulatedRequest(at, this))) this.#isCold[at] = 1;
      this.#await();
    });
  }

  #figures(): PolicyFigures {
    const { arrivalMs, count, model } = this.#trace;
    const capacities = new Uint32Array(this.#models.length);
    for (let at = 0; at < count; at++) capacities[model[at]!]!++;
    const counts = this.#models.map(({ ledger }, index) => new Counts(ledger, capacities[index]!));
    for (let at = 0; at < count; at++)
      if (arrivalMs[at]! >= this.#window.fromMs)
        counts[model[at]!]!.add(this.#waitMs[at]!, this.#isCold[at] === 1);
    const { policy, price } = this.#options;
    const models = counts.map((one, index) => ({
      model: this.#models[index]!.target.model,
      ...one.figures(price),
    }));
    const isSeen = ({ requests, replicaHours: { busy, idle, loading } }: ModelFigures) =>
      requests > 0 || busy + idle + loading > 0;
    return { policy: policy.name, ...sumOf(counts).figures(price), models: models.filter(isSeen) };
  }
}
