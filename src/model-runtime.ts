import { Activator } from './activation/activator.ts';
import type { ActivationEvent } from './activation/events.ts';
import { isStartFailure } from './activation/refusals.ts';
import { poll } from './activation/watch-target.ts';
import { Gate } from './admission/gate.ts';
import { Handover } from './admission/handover.ts';
import type { ModelEntry } from './arrival.ts';
import { Decider } from './autoscale/decider.ts';
import type { Revision, RevisionOwner } from './autoscale/lineage.ts';
import { activationPart, gatePart } from './config/model-parts.ts';
import type { ModelSettings } from './config/settings.ts';
import type { PilotlightError } from './core/errors.ts';
import type { ReplicaReport, WakeInfo } from './core/gate.ts';
import type { Decide, Decision } from './core/scaling.ts';
import { meterEvent } from './event-log.ts';
import { StallWatch } from './forward/stall-watch.ts';
import { UpstreamTurns } from './forward/upstream-turns.ts';
import type { Upstreams } from './forward/upstreams.ts';
import type { ModelGauges } from './meter/model-gauges.ts';
import type { ModelMeter } from './meter/model-meter.ts';
import { StartDetails } from './meter/start-phases.ts';
import { type RuntimeParts, targetOf } from './runtime-parts.ts';
import { gaugesOf, heldInfo, type RuntimeViewed, snapshotOf } from './runtime-view.ts';

/** One revision of a model at work: its gate, its activation and its connections, wired to each other. */
export class ModelRuntime implements ModelEntry, Revision {
  readonly gate: Gate;
  readonly meter: ModelMeter;
  readonly stallWatch: StallWatch;
  readonly activator: Activator;
  readonly #handover: Handover;
  readonly #parts: RuntimeParts;
  readonly #owner: RevisionOwner<ModelRuntime>;
  readonly #startDetails = new StartDetails();
  readonly #decider: Decider;
  readonly #upstreams: UpstreamTurns;
  #settings: ModelSettings;
  #isStarted = false;
  #isWanted = false;
  /** `nowMs` at which the next request is expected; null: not known. */
  readonly returnAtMs = () => this.#decider.returnAtMs();

  constructor(settings: ModelSettings, parts: RuntimeParts, owner: RevisionOwner<ModelRuntime>) {
    const { clock } = parts;
    this.#parts = parts;
    this.#owner = owner;
    this.#settings = settings;
    this.#decider = new Decider(clock, parts.returns);
    this.meter = parts.meterOf(settings.name);
    this.#upstreams = new UpstreamTurns(this.#connectionOptions());
    this.stallWatch = new StallWatch({
      clock,
      stallMs: settings.revision.timeouts.stallMs,
      onStalled: (replicaId) => this.report(replicaId, 'stalled'),
    });
    this.gate = new Gate({
      settings: gatePart(settings),
      clock,
      onDemand: () => {
        if (!owner.givesOn(this)) this.activator.demand();
      },
      whenCold: (deadlineMs) => this.#whenCold(deadlineMs),
      etaMs: () => this.activator.wakeInfo().etaMs,
      onBacklog: () => this.wake(),
      onReturn: (...facts) => this.#decider.returned(...facts),
      onRest: () => this.activator.rested(),
    });
    this.#handover = new Handover({
      gate: this.gate,
      clock,
      othersAt: (server) => owner.othersAt(this, server),
      rescue: ({ code }) => isStartFailure(code) && owner.rescue(this),
    });
    this.activator = this.#createActivator();
    // One that follows is paused where the one before it is.
    if (owner.generation === 1 && settings.revision.scale.isPaused) this.activator.pause();
  }

  #connectionOptions() {
    const { concurrency: connections, timeouts } = this.#settings.revision;
    const isShared = (replicaId: string) => this.activator.isShared(replicaId);
    return { clock: this.#parts.clock, connections, connectTimeoutMs: timeouts.connectMs, isShared };
  }

  #createActivator(): Activator {
    const { clock, prober, driverOf, gaugeOf, sleeperOf, leadership, startMemory } = this.#parts;
    const target = targetOf(() => this.#settings, this.#owner.generation);
    const activator = new Activator({
      target,
      room: this.#parts.room?.accessFor(target.id, this) ?? null,
      driver: driverOf(this.#settings),
      prober,
      gauge: gaugeOf(this.#settings),
      sleeper: () => sleeperOf(() => this.#settings),
      firstTokens: () => this.meter.firstTokens(),
      leadership,
      gate: this.#handover,
      clock,
      decide: (...facts) => this.#decide(...facts),
      settings: activationPart(this.#settings),
      random: Math.random,
      onEvent: (event) => this.#onEvent(event),
    });
    activator.seed(startMemory.recall(this.#startKey));
    return activator;
  }

  get #startKey(): string {
    return `${this.#settings.name}/${this.#settings.revision.name}`;
  }

  /** Nothing is started before `start`, whoever asks for it. */
  #decide(...facts: Parameters<Decide>): Decision {
    if (this.#isStarted) return this.#decider.decide(...facts);
    const [{ isWanted }, , state] = facts;
    this.#isWanted ||= isWanted;
    return { desired: 0, reason: 'the revision before it ends', state, nextAtMs: null };
  }

  #whenCold(deadlineMs: number): PilotlightError | null {
    if (this.#owner.givesOn(this)) return null;
    this.#isWanted = true;
    if (!this.#isStarted) return null;
    const refusal = this.#parts.companions.wakeWith(this.activator, this.#settings, deadlineMs);
    // Who was accepted already, or finds a ready replica that others still fill, waits.
    return this.#handover.isHolding && !isStartFailure(refusal?.code) ? null : refusal;
  }

  wake(): PilotlightError | null {
    const refusal = this.#parts.companions.wakeWith(this.activator, this.#settings);
    // Nobody waits: one that rejects requests while it is cold is woken as any other.
    return refusal?.code === 'cold' ? null : refusal;
  }

  #onEvent(event: ActivationEvent): void {
    if (event.type === 'ready') this.#startDetails.add(event.replicaId, event.steps);
    if (event.type === 'ready' || event.type === 'awake')
      this.#parts.startMemory.keep(this.#startKey, this.activator.learned());
    meterEvent(this.meter, event);
    this.#parts.room?.happened(this.#settings.name, event.type);
    this.#parts.onEvent(this.#settings.name, event);
    if (event.type === 'start-failed') this.#owner.startFailed(this, event.reason, event.retryInMs);
    this.#owner.changed(this);
  }

  get settings(): ModelSettings {
    return this.#settings;
  }

  get upstreams(): Upstreams {
    return this.#upstreams.current;
  }

  get waiting(): number {
    return this.gate.waiting;
  }

  get state(): string {
    return this.#isStarted ? this.activator.wakeInfo().state : 'held';
  }

  get readyReplicas(): number {
    return this.activator.replicas.filter(({ state }) => state === 'ready').length;
  }

  get hasFailed(): boolean {
    return this.activator.hasFailed;
  }

  inFlightAt(server: string): number {
    return this.#handover.inFlightAt(server);
  }

  /** Begins to watch and to start replicas; what entered before is served from now on. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.activator.start();
    if (!this.#isWanted) return;
    this.activator.warm();
    this.#parts.companions.wakeOf(this.#settings);
  }

  /** Lets requests in that another revision had accepted: they are not refused as too many, nor as cold. */
  take(enter: () => void): void {
    this.#handover.take(gatePart(this.#settings), enter);
  }

  configure(settings: ModelSettings): void {
    const before = this.#settings.revision;
    const { concurrency, timeouts } = settings.revision;
    this.#settings = settings;
    if (before.concurrency !== concurrency || before.timeouts.connectMs !== timeouts.connectMs) {
      this.#upstreams.renew(this.#connectionOptions());
    }
    this.stallWatch.configure(timeouts.stallMs);
    this.gate.configure(gatePart(settings));
    this.activator.configure(activationPart(settings));
  }

  wakeInfo(): WakeInfo {
    const info = this.activator.wakeInfo();
    return this.state === 'held' ? heldInfo(info) : info;
  }

  firstByte(replicaId: string): string | null {
    this.activator.firstByte(replicaId);
    return this.#startDetails.get(replicaId);
  }

  report(replicaId: string, report: ReplicaReport): void {
    this.activator.report(replicaId, report);
  }

  /** What it is doing, in plain JSON, for the admin API. */
  snapshot() {
    return snapshotOf(this.#viewed);
  }

  gauges(): ModelGauges {
    return gaugesOf(this.#viewed, this.#upstreams);
  }

  get #viewed(): RuntimeViewed {
    const { gate, activator } = this;
    return { settings: this.#settings, gate, activator, wakeInfo: () => this.wakeInfo() };
  }

  /** Ends its replicas after everybody who waits or runs there has been served, or when the signal aborts. */
  async retire(signal: AbortSignal, options: { readonly keepsReplicas: boolean }): Promise<void> {
    const { clock } = this.#parts;
    this.gate.jobs.queued = 0;
    try {
      await poll(clock, () => this.gate.waiting === 0, signal);
      if (this.#isStarted) await this.activator.retire(signal, options);
      await poll(clock, () => this.gate.waiting + this.gate.inFlight === 0, signal);
    } finally {
      await this.close();
    }
  }

  /** Cuts what runs there; its replicas are left to their driver. */
  async close(): Promise<void> {
    this.gate.close();
    this.stallWatch.close();
    this.#handover.close();
    await this.activator.close();
    await this.#upstreams.close();
  }
}
