import { Activator } from './activation/activator.ts';
import type { ActivationEvent } from './activation/events.ts';
import type { ActivationSettings } from './activation/settings.ts';
import { Gate } from './admission/gate.ts';
import { decide } from './autoscale/decide.ts';
import type { ModelSettings } from './config/settings.ts';
import type { Clock } from './core/clock.ts';
import type { Driver } from './core/driver.ts';
import type { ReplicaReport, WakeInfo } from './core/gate.ts';
import type { Prober } from './core/prober.ts';
import { StallWatch } from './forward/stall-watch.ts';
import { Upstreams } from './forward/upstreams.ts';
import type { ModelControl } from './http/admin-server.ts';
import type { ModelGauges, ModelMeter } from './meter/metrics.ts';
import type { ModelEntry } from './pipeline.ts';

/** What all models share. */
export interface RuntimeParts {
  readonly clock: Clock;
  readonly prober: Prober;
  readonly driverOf: (settings: ModelSettings) => Driver;
  readonly meterOf: (model: string) => ModelMeter;
  readonly onEvent: (model: string, event: ActivationEvent) => void;
}

const retirePollMs = 50;

/** One configured model at work: its gate, its activation and its connections, wired to each other. */
export class ModelRuntime implements ModelEntry, ModelControl {
  readonly gate: Gate;
  readonly upstreams: Upstreams;
  readonly meter: ModelMeter;
  readonly stallWatch: StallWatch;
  readonly #activator: Activator;
  readonly #parts: RuntimeParts;
  #settings: ModelSettings;
  #isStarted = false;
  #isWanted = false;

  constructor(settings: ModelSettings, parts: RuntimeParts) {
    const { clock, prober } = parts;
    const { revision, name } = settings;
    this.#parts = parts;
    this.#settings = settings;
    this.meter = parts.meterOf(name);
    this.upstreams = new Upstreams({
      clock,
      connectTimeoutMs: revision.timeouts.connectMs,
      connections: revision.concurrency,
    });
    this.stallWatch = new StallWatch({
      clock,
      stallMs: revision.timeouts.stallMs,
      onStalled: (replicaId) => this.report(replicaId, 'stalled'),
    });
    this.gate = new Gate({
      settings: gateSettings(settings),
      clock,
      onDemand: () => this.#activator.demand(),
      whenCold: (deadlineMs) => {
        this.#isWanted = true;
        return this.#isStarted ? this.#activator.whenCold(deadlineMs) : null;
      },
      etaMs: () => this.#activator.wakeInfo().etaMs,
    });
    this.#activator = new Activator({
      target: {
        id: `${name}/${revision.name}`,
        model: name,
        revision: revision.name,
        backend: revision.backend,
      },
      driver: parts.driverOf(settings),
      prober,
      gate: this.gate,
      clock,
      decide,
      settings: activationSettings(settings),
      random: Math.random,
      onEvent: (event) => this.#onEvent(event, parts.onEvent),
    });
  }

  #onEvent(event: ActivationEvent, tell: RuntimeParts['onEvent']): void {
    if (event.type === 'ready') this.meter.started('ready', event.totalMs);
    tell(this.#settings.name, event);
  }

  get settings(): ModelSettings {
    return this.#settings;
  }

  /** Begins to watch and to start replicas; what entered before is served from now on. */
  start(): void {
    this.#isStarted = true;
    this.#activator.start();
    if (this.#isWanted) this.#activator.warm();
  }

  /** Takes settings that need no new replicas (see `needsNewReplicas`). */
  configure(settings: ModelSettings): void {
    this.#settings = settings;
    this.gate.configure(gateSettings(settings));
    this.#activator.configure(activationSettings(settings));
  }

  wakeInfo(): WakeInfo {
    return this.#activator.wakeInfo();
  }

  report(replicaId: string, report: ReplicaReport): void {
    this.#activator.report(replicaId, report);
  }

  warm(): void {
    this.#activator.warm();
  }

  stop(): void {
    this.#activator.stop();
  }

  pause(): void {
    this.#activator.pause();
  }

  resume(): void {
    this.#activator.resume();
  }

  snapshot(): object {
    const { waiting, inFlight, waitingBytes, oldestWaitMs } = this.gate;
    const { name, aliases, revision } = this.#settings;
    const queue = { waiting, waitingBytes, oldestWaitMs, max: revision.queue.max };
    const limit = revision.concurrency;
    return {
      model: name,
      aliases,
      driver: revision.backend.driver,
      inFlight,
      limit,
      queue,
      ...this.#activator.snapshot(),
    };
  }

  gauges(): ModelGauges {
    const { waiting, inFlight, waitingBytes, oldestWaitMs } = this.gate;
    const states = this.#activator.snapshot().replicas.map(({ state }) => state);
    const readyReplicas = states.filter((state) => state === 'ready').length;
    const startingReplicas = states.filter((state) => state === 'starting').length;
    return {
      waiting,
      inFlight,
      waitingBytes,
      oldestWaitMs: oldestWaitMs ?? 0,
      readyReplicas,
      startingReplicas,
    };
  }

  /** Ends its replicas after everybody who waits or runs there has been served, or when the signal aborts. */
  async retire(signal: AbortSignal): Promise<void> {
    while (this.gate.waiting > 0 && !signal.aborted) await this.#parts.clock.sleep(retirePollMs, signal);
    if (this.#isStarted) await this.#activator.retire(signal);
    await this.close();
  }

  async close(): Promise<void> {
    this.gate.close();
    this.stallWatch.close();
    await this.#activator.close();
    await this.upstreams.close();
  }
}

/** Whether a change from `before` to `after` can only be met by other replicas. */
export function needsNewReplicas(before: ModelSettings, after: ModelSettings): boolean {
  const runs = ({ revision }: ModelSettings) =>
    JSON.stringify([
      revision.backend,
      revision.concurrency,
      revision.timeouts.connectMs,
      revision.timeouts.stallMs,
      revision.ready,
    ]);
  return runs(before) !== runs(after);
}

function gateSettings({ name, revision }: ModelSettings) {
  return {
    model: name,
    max: revision.queue.max,
    maxBytes: revision.queue.maxBytes,
    balance: revision.balance,
  };
}

function activationSettings({ revision, cold, deadlineAware }: ModelSettings): ActivationSettings {
  return {
    ready: revision.ready,
    concurrency: revision.concurrency,
    scale: revision.scale,
    cold,
    deadlineAware,
  };
}
