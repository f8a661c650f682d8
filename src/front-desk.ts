import type { ModelEntry } from './arrival.ts';
import { askModel } from './ask.ts';
import type { Clock } from './core/clock.ts';
import type { Contract, ContractModel } from './core/contract.ts';
import type { Ask, Desk, DeskAnswer, DeskModel, JobDesk } from './core/desk.ts';
import type { WakeInfo } from './core/gate.ts';
import type { Pipeline } from './pipeline.ts';
import { contractOf } from './protocols/contracts/contracts.ts';

/** What the desk is made of. */
export interface FrontDeskOptions {
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  /** null: no surface makes any. */
  readonly jobs: JobDesk | null;
  /** Names of the models, without aliases, in the order of the configuration. */
  readonly names: () => Iterable<string>;
}

/** What surfaces are served by: the models of the moment, and the jobs. */
export class FrontDesk implements Desk {
  readonly #options: FrontDeskOptions;

  constructor(options: FrontDeskOptions) {
    this.#options = options;
  }

  /** Throws where no surface makes jobs: those that make none do not ask. */
  get jobs(): JobDesk {
    const { jobs } = this.#options;
    if (jobs === null) throw new Error('no surface makes jobs (Surface.hasJobs), and one asks for them');
    return jobs;
  }

  wallMs(): number {
    return this.#options.clock.wallMs();
  }

  models(): readonly DeskModel[] {
    return [...this.#options.names()].map((name) => this.model(name));
  }

  model(name: string): DeskModel {
    return new ModelAtDesk(this.#options.pipeline.find(name));
  }

  ask(request: Ask): Promise<DeskAnswer> {
    return askModel(this.#options.pipeline, this.model(request.model), request);
  }
}

/** A model as surfaces see it: always its present state. */
class ModelAtDesk implements DeskModel {
  readonly #entry: ModelEntry;
  readonly contract: Contract;

  constructor(entry: ModelEntry) {
    this.#entry = entry;
    this.contract = contractOf(entry.settings.contract.name);
  }

  get name(): string {
    return this.#entry.settings.name;
  }

  get aliases(): readonly string[] {
    return this.#entry.settings.aliases;
  }

  get contractModel(): ContractModel {
    const { name, contract, revision } = this.#entry.settings;
    const { path, responses } = contract;
    return { name: revision.sendModel ?? name, path, responses };
  }

  get maxConcurrency(): number | null {
    const { concurrency, scale } = this.#entry.settings.revision;
    return concurrency === 0 ? null : concurrency * scale.max;
  }

  get readyReplicas(): number {
    return this.#entry.readyReplicas;
  }

  get inFlight(): number {
    return this.#entry.gate.inFlight;
  }

  get waiting(): number {
    return this.#entry.gate.waiting;
  }

  wakeInfo(): WakeInfo {
    return this.#entry.wakeInfo();
  }

  wake(): Error | null {
    return this.#entry.wake();
  }
}
