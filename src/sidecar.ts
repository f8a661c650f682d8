import { type Clock, systemClock } from './core/clock.ts';
import { Watchdog } from './forward/watchdog.ts';
import { openApp } from './sidecar/app.ts';
import { Drainer } from './sidecar/drainer.ts';
import { answerMetrics } from './sidecar/metrics/metrics-answer.ts';
import { registerAppGauges } from './sidecar/model/app-gauges.ts';
import { commonRank, rankOf } from './sidecar/model/rank.ts';
import { openaiRefusals, textRefusals } from './sidecar/model/refusals.ts';
import { createObservation, type Observation } from './sidecar/observation.ts';
import { ownTraffic } from './sidecar/own-traffic.ts';
import { createLanes, OpenPorts, type Port } from './sidecar/ports.ts';
import type { SidecarSettings } from './sidecar/settings.ts';
import { Shutdown } from './sidecar/shutdown.ts';
import type { SidecarLog } from './sidecar/sidecar-log.ts';
import { SidecarTraffic, type TrafficParts } from './sidecar/sidecar-traffic.ts';
import { RequestStats } from './sidecar/stats/request-stats.ts';
import { answerStat } from './sidecar/stats/stat-answer.ts';
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
}

/** As long as the original waits for its telemetry to be taken. */
const lastSpansMs = 10_000;

/** What each port is for. */
export type PortName = 'serving' | 'tls' | 'admin' | 'stats' | 'metrics';

/**
 * Opens all ports and takes requests. Rejects with the system's error where a port cannot be had, and leaves none open;
 * with a TemplateFault where the template of the request log is none.
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { settings, log, clock = systemClock } = options;
  const app = await openApp({ settings, log, clock });
  const { gate, readiness } = app;
  const observation = await createObservation({ ...options, clock, gate, readiness });
  if (observation.metrics !== null) registerAppGauges(observation.metrics.holder, app.gauges);
  const { model, user, timeouts } = settings;
  const common = commonRank(model);
  const traffic: TrafficParts = {
    ...observation,
    ...{ clock, gate, user, timeouts },
    watchdog: new Watchdog(clock),
    stats: new RequestStats(clock.nowMs()),
    underWay: new UnderWay(),
    drainer: new Drainer(clock, settings.drain.quietMs),
    refusals: model.openaiErrors ? openaiRefusals : textRefusals,
    rankOf: (fields) => rankOf(model, fields, common),
    isReady: () => readiness.isReady(),
    phase: () => app.phase,
    onFailed: (error) => log.error({ error }, 'an answer could not be made'),
  };
  const { drainer, underWay } = traffic;
  const drainPorts = () => ports.drain();
  const shutdown = new Shutdown({ clock, log, drainer, underWay, settings: settings.drain, drainPorts });
  const behind = portsOf({ settings, log, observation, traffic, shutdown });
  const ports = await OpenPorts.open(behind, { clock, log }).catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  return {
    portOf: (name) => ports.portOf(name),
    async shutDown() {
      await shutdown.run();
      ports.close();
      await Promise.all([app.close(), observation.close(lastSpansMs)]);
    },
  };
}

/** What answers behind the ports. */
interface Behind {
  readonly settings: SidecarSettings;
  readonly log: SidecarLog;
  readonly observation: Observation;
  readonly traffic: TrafficParts;
  readonly shutdown: Shutdown;
}

/** All ports, each with its lanes; the serving port and the one with TLS have the same. */
function portsOf({ settings, log, observation, traffic, shutdown }: Behind): readonly Port[] {
  const { ports, tls, metrics, identity } = settings;
  const { clock, stats, onFailed } = traffic;
  const { host } = ports;
  const context = { clock, log };
  const serving = createLanes(new SidecarTraffic(traffic), context, settings.concurrency);
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
  const source = observation.metrics;
  if (source !== null) {
    const lanes = own((head) => answerMetrics(source, head), onFailed);
    opened.push({ name: 'metrics', ...metrics.listen, lanes, tls: null });
  }
  return opened;
}
