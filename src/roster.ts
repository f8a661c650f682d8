import type { Waiter } from './admission/waiter.ts';
import type { ModelEntry } from './arrival.ts';
import { ReturnPool } from './autoscale/adaptive/return-pool.ts';
import { Lineage, type LineageEvent } from './autoscale/lineage.ts';
import { Companions } from './companions.ts';
import { RunTimeScale, type ScaleView } from './config/run-time-scale.ts';
import type { ModelSettings, Settings } from './config/settings.ts';
import type { ModelControl } from './http/admin-server.ts';
import type { Log } from './meter/log.ts';
import type { ModelGauges } from './meter/model-gauges.ts';
import { ModelRuntime } from './model-runtime.ts';
import type { Directory } from './pipeline.ts';
import type { RuntimeParts } from './runtime-parts.ts';

/** One configured model with all its revisions, as operators and meters see it. */
class Model implements ModelControl {
  readonly lineage: Lineage<ModelRuntime>;
  readonly #scale: RunTimeScale;
  readonly #log: Log;
  #isPauseWritten: boolean;

  /** The lineage is paused where the settings say so. */
  constructor(settings: ModelSettings, lineage: Lineage<ModelRuntime>, log: Log) {
    this.#isPauseWritten = settings.revision.scale.isPaused;
    this.lineage = lineage;
    this.#scale = new RunTimeScale(settings);
    this.#log = log;
  }

  /** Takes changed settings; what was changed of its scale at run time goes on, where it can. */
  configure(settings: ModelSettings): void {
    const before = this.#scale.fault;
    this.#obey(this.#scale.take(settings));
    const { fault, overrides } = this.#scale;
    if (fault !== null && fault !== before)
      this.#log.warn({ model: settings.name, overrides, fault }, 'scale-overrides-not-applied');
  }

  /** It is not configured any more; what was changed of it is forgotten. */
  remove(): void {
    this.#scale.reset();
    this.lineage.remove();
  }

  scale(): ScaleView {
    return this.#scale.view();
  }

  patchScale(patch: unknown): ScaleView {
    return this.#rescaled(this.#scale.patch(patch));
  }

  resetScale(): ScaleView {
    return this.#rescaled(this.#scale.reset());
  }

  #rescaled(settings: ModelSettings): ScaleView {
    const { overrides } = this.#scale;
    this.#log.info({ model: settings.name, overrides }, 'scale-changed');
    this.#obey(settings);
    return this.scale();
  }

  /** A changed word on the pause goes before what an operator commanded earlier; one that stands does not. */
  #obey(settings: ModelSettings): void {
    const { isPaused } = settings.revision.scale;
    const isChanged = isPaused !== this.#isPauseWritten;
    this.#isPauseWritten = isPaused;
    this.lineage.configure(settings);
    if (isChanged && isPaused) this.pause();
    if (isChanged && !isPaused) this.resume();
  }

  /** As a request would, which wakes companions too. */
  warm(): void {
    this.lineage.entry.wake();
    this.lineage.warm();
  }

  stop(): void {
    this.lineage.stop();
  }

  pause(): void {
    this.lineage.pause();
  }

  resume(): void {
    this.lineage.resume();
  }

  /** The revision in service; `rollout`: the one that is to follow it, or null; `ending`: those that still serve. */
  snapshot(): object {
    const { entry, next, ending } = this.lineage;
    return {
      ...entry.snapshot(),
      rollout: next?.activator.snapshot() ?? null,
      ending: ending.map(({ gate: { waiting, inFlight } }) => ({ waiting, inFlight })),
      overrides: this.#scale.overrides,
      overridesFault: this.#scale.fault,
    };
  }

  /** Of each of its revisions. */
  gauges(): readonly ModelGauges[] {
    return this.lineage.all.map((runtime) => runtime.gauges());
  }
}

/** The models of the running configuration, and how a new one takes the place of the old. */
export class Roster implements Directory {
  readonly #parts: RuntimeParts;
  readonly #log: Log;
  /** Hands waiters to another gate. */
  readonly #move: (waiters: readonly Waiter[], to: ModelEntry) => void;
  readonly #closing = new AbortController();
  /** Removed from the configuration and not at their end yet. */
  readonly #leaving = new Map<string, Model>();
  #models = new Map<string, Model>();
  #byName = new Map<string, Lineage<ModelRuntime>>();

  constructor(
    parts: Omit<RuntimeParts, 'returns' | 'companions'>,
    log: Log,
    move: (waiters: readonly Waiter[], to: ModelEntry) => void,
  ) {
    const companions = new Companions({
      find: (name) => this.#byName.get(name),
      onMissing: (model, companion) => log.warn({ model, companion }, 'companion-not-found'),
    });
    this.#parts = { ...parts, returns: new ReturnPool(), companions };
    this.#log = log;
    this.#move = move;
  }

  find(name: string): ModelEntry | undefined {
    return this.#byName.get(name)?.entry;
  }

  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** By name, without aliases. */
  get models(): ReadonlyMap<string, ModelControl & { gauges(): readonly ModelGauges[] }> {
    return this.#models;
  }

  /** What a model does now; undefined: there is none of that name. */
  snapshotOf(name: string): ReturnType<ModelRuntime['snapshot']> | undefined {
    return this.#models.get(name)?.lineage.entry.snapshot();
  }

  /** Of each revision of each model, with the model's name. */
  *gauges(): Iterable<readonly [string, ModelGauges]> {
    for (const [name, model] of this.#models) for (const gauges of model.gauges()) yield [name, gauges];
  }

  /** Milliseconds until the first of the models that start is ready; null when none does or that is not known. */
  get nextReadyMs(): number | null {
    const etas = [...this.#models.values()].map(({ lineage }) => lineage.entry.wakeInfo().etaMs);
    const known = etas.filter((ms) => ms !== null);
    return known.length === 0 ? null : Math.min(...known);
  }

  /** Takes a configuration: what is unchanged goes on, what is removed or replaced ends after its last request. */
  apply(settings: Settings): void {
    if (this.#closing.signal.aborted) return;
    const before = this.#models;
    this.#parts.companions.reset();
    this.#models = new Map([...settings.models].map(([name, model]) => [name, this.#modelOf(model)]));
    this.#byName = new Map();
    for (const [name, { aliases }] of settings.models)
      for (const key of [name, ...aliases]) this.#byName.set(key, this.#models.get(name)!.lineage);
    for (const [name, { lineage }] of this.#leaving) if (lineage.isGone) this.#leaving.delete(name);
    for (const [name, model] of before) {
      if (this.#models.has(name)) continue;
      model.remove();
      this.#leaving.set(name, model);
    }
  }

  #modelOf(settings: ModelSettings): Model {
    const { name } = settings;
    const known = this.#models.get(name) ?? this.#leaving.get(name);
    if (known === undefined) return new Model(settings, this.#lineageOf(settings), this.#log);
    this.#leaving.delete(name);
    known.configure(settings);
    return known;
  }

  #lineageOf(settings: ModelSettings): Lineage<ModelRuntime> {
    return new Lineage(settings, {
      clock: this.#parts.clock,
      create: (model, owner) => new ModelRuntime(model, this.#parts, owner),
      giveWaiters: (from, to) => {
        to.take(() => this.#move(from.gate.takeWaiters(), to));
        from.gate.jobs.giveTo(to.gate.jobs);
      },
      onEvent: (event) => this.#tell(settings.name, event),
      signal: this.#closing.signal,
    });
  }

  #tell(model: string, { type, ...facts }: LineageEvent): void {
    if (type === 'rollout-began' || type === 'rollout-in-service') this.#log.info({ model }, type);
    else this.#log.warn({ model, ...facts }, type);
  }

  /** Ends every wait and cuts what runs; the drivers end the replicas. */
  async close(): Promise<void> {
    this.#closing.abort();
    const all = [...this.#models.values(), ...this.#leaving.values()];
    await Promise.all(all.map(({ lineage }) => lineage.close()));
  }
}
