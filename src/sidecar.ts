import { type Clock, systemClock } from './core/clock.ts';
import { Watchdog } from './forward/watchdog.ts';
import type { LaneRequest } from './relay/traffic.ts';
import { createAppGate } from './sidecar/app-gate.ts';
import { Drainer } from './sidecar/drainer.ts';
import { answerMetrics } from './sidecar/metrics/metrics-answer.ts';
import { SidecarMetrics } from './sidecar/metrics/sidecar-metrics.ts';
import { commonRank, rankOf } from './sidecar/model/rank.ts';
import { openaiRefusals, textRefusals } from './sidecar/model/refusals.ts';
import { ownTraffic } from './sidecar/own-traffic.ts';
import { createLanes, OpenPorts, type Port, type PortContext } from './sidecar/ports.ts';
import type { RequestFacts } from './sidecar/request-facts.ts';
import type { SidecarSettings } from './sidecar/settings.ts';
import { Shutdown } from './sidecar/shutdown.ts';
import type { SidecarLog } from './sidecar/sidecar-log.ts';
import { SidecarTraffic, type TrafficParts } from './sidecar/sidecar-traffic.ts';
import { RequestStats } from './sidecar/stats/request-stats.ts';
import { answerStat } from './sidecar/stats/stat-answer.ts';
import { type ResourceAttributes, resourceOf } from './sidecar/telemetry-resource.ts';
import { UnderWay } from './sidecar/under-way.ts';

/** What a sidecar is made of. */
export interface SidecarOptions {
  readonly settings: SidecarSettings;
  readonly log: SidecarLog;
  /** Pilotlight's version. */
  readonly version: string;
  /** What OpenTelemetry's own variables are read from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
}

/** A sidecar that takes requests. */
export interface Sidecar {
  /** Where its ports are, by name; absent: that one is not open. */
  portOf(name: PortName): number | undefined;
  /** Ends in order; resolves when nothing is under way any more. */
  shutDown(): Promise<void>;
  /** Cuts everything. */
  close(): void;
}

/** What each port is for. */
export type PortName = 'serving' | 'tls' | 'admin' | 'stats' | 'metrics';

/** Opens all ports and takes requests. Rejects with the system's error where a port cannot be had, and leaves none open. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { settings, log, clock = systemClock } = options;
  const parts = partsOf(options, clock);
  const context = { clock, log };
  const shutdown = new Shutdown({
    clock,
    log,
    drainer: parts.drainer,
    underWay: parts.underWay,
    settings: settings.drain,
    drainPorts: () => ports.drain(),
  });
  const ports = await OpenPorts.open(portsOf({ settings, parts, shutdown, context }), context);
  return {
    portOf: (name) => ports.portOf(name),
    async shutDown() {
      await shutdown.run();
      ports.close();
    },
    close: () => ports.close(),
  };
}

/** The traffic of the serving ports and what is told of it. */
interface Parts extends TrafficParts {
  readonly metrics: SidecarMetrics | null;
}

function partsOf(options: SidecarOptions, clock: Clock): Parts {
  const { settings, log } = options;
  const { model, user, timeouts } = settings;
  const gate = createAppGate(settings, clock);
  const queueDepth = settings.concurrency === 0 ? null : () => gate.waiting + gate.inFlight;
  const metrics = settings.metrics.protocol === 'prometheus' ? metricsOf(options, queueDepth) : null;
  const common = commonRank(model);
  return {
    clock,
    gate,
    user,
    timeouts,
    metrics,
    watchdog: new Watchdog(clock),
    stats: new RequestStats(clock.nowMs()),
    underWay: new UnderWay(),
    drainer: new Drainer(clock, settings.drain.quietMs),
    refusals: model.openaiErrors ? openaiRefusals : textRefusals,
    rankOf: (fields) => rankOf(model, fields, common),
    comment: null,
    isReady: async () => true,
    onEnded: (request) => {
      if (!request.isProbe) metrics?.ended(request);
    },
    onProbe: (_request: LaneRequest, _facts: RequestFacts, _status: number) => undefined,
    onFailed: (error) => log.error({ error }, 'an answer could not be made'),
  };
}

function metricsOf(
  { settings, version, environment }: SidecarOptions,
  queueDepth: (() => number) | null,
): SidecarMetrics {
  const resource: ResourceAttributes = resourceOf({ identity: settings.identity, version, environment });
  return new SidecarMetrics({ resource, version, app: settings.user, queueDepth });
}

function portsOf(made: {
  settings: SidecarSettings;
  parts: Parts;
  shutdown: Shutdown;
  context: PortContext;
}): readonly Port[] {
  const { settings, parts, shutdown, context } = made;
  const { ports, tls, metrics, identity } = settings;
  const { clock, stats, onFailed } = parts;
  const { host } = ports;
  const serving = createLanes(new SidecarTraffic(parts), context, settings.concurrency);
  const own = (...answer: Parameters<typeof ownTraffic>) => createLanes(ownTraffic(...answer), context);
  const statLanes = own((head) => answerStat({ pod: identity.pod, stats }, head, clock.nowMs()), onFailed);
  const opened: Port[] = [
    { name: 'serving', host, port: ports.serving, lanes: serving, tls: null },
    {
      name: 'admin',
      host,
      port: ports.admin,
      lanes: own((head) => shutdown.answer(head), onFailed),
      tls: null,
    },
    { name: 'stats', host, port: ports.stats, lanes: statLanes, tls: null },
  ];
  if (tls !== null) opened.push({ name: 'tls', host, port: ports.tls, lanes: serving, tls });
  if (parts.metrics !== null) {
    const source = parts.metrics;
    const lanes = own((head) => answerMetrics(source, head), onFailed);
    opened.push({ name: 'metrics', ...metrics.listen, lanes, tls: null });
  }
  return opened;
}
