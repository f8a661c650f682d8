import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { ActivationEvent } from './activation/events.ts';
import { closePorts, openPorts, type Ports } from './app-ports.ts';
import { addressOf } from './app-server.ts';
import { followCluster, recallStarts, refusalOf } from './cluster-models.ts';
import type { ClusterVoice } from './cluster-voice.ts';
import { readKeyPair } from './config/certificate.ts';
import { fixedPart } from './config/model-parts.ts';
import { withOwnCommand } from './config/own-command.ts';
import type { Settings } from './config/settings.ts';
import { systemClock } from './core/clock.ts';
import { soleLeadership } from './core/leadership.ts';
import { endOrphans } from './drivers/process/orphans.ts';
import { createEdges, type Edges } from './edges.ts';
import { logEvent } from './event-log.ts';
import { HeldMemory } from './forward/held-memory.ts';
import { Watchdog } from './forward/watchdog.ts';
import { KeyRing } from './http/auth.ts';
import type { DeliveryTrial } from './jobs/delivery-trial.ts';
import { createAccessLog, droppedLinesOf, type Log } from './meter/log.ts';
import { Metrics } from './meter/metrics.ts';
import { ModelSources } from './model-sources.ts';
import type { Office } from './office.ts';
import { Pipeline } from './pipeline.ts';
import { gpuGauges, shareAnew } from './room/room-view.ts';
import { Roster } from './roster.ts';
import type { StartMemory } from './runtime-parts.ts';

/** How the gateway is started. */
export interface AppOptions {
  readonly settings: Settings;
  /** The configuration's path: its hash marks the child processes, so that the next start finds orphans. */
  readonly configFile: string;
  readonly log: Log;
  /** What `{pilotlight}` as a command's first word stands for: this program's own command line. */
  readonly ownCommand: readonly string[];
}

/** The gateway at work. */
export interface App {
  readonly address: { readonly host: string; readonly port: number };
  readonly adminAddress: { readonly host: string; readonly port: number };
  /** Of the surfaces that have a port of their own, by name. */
  readonly surfaceAddresses: ReadonlyMap<string, { readonly host: string; readonly port: number }>;
  /** Takes a changed configuration; what cannot change at run time (addresses, limits) is named in the log. */
  reload(settings: Settings): void;
  /** Notes that a changed configuration was refused. */
  refuseReload(fault: string): void;
  /** Refuses what is new, serves what is there within `drain`, ends every backend it started. */
  close(): Promise<void>;
}

/** What changes while the gateway runs. */
export interface Life {
  /** Where the models come from; its settings are those that hold. */
  readonly sources: ModelSources;
  /** Tells on the cluster's objects what is made of them; null: there are none. */
  voice: ClusterVoice | null;
  /** null: no surface is switched on, and nothing of jobs is loaded. */
  office: Office | null;
  keyRing: KeyRing;
  /** Of the last configuration that was refused. */
  fault: string | null;
  isClosing: boolean;
}

/** What is behind the ports. */
export interface Parts {
  readonly options: AppOptions;
  readonly life: Life;
  readonly metrics: Metrics;
  readonly roster: Roster;
  readonly pipeline: Pipeline;
  readonly edges: Edges;
}

/** Builds the whole gateway out of its parts and starts it. */
export async function startApp(options: AppOptions): Promise<App> {
  const { server } = options.settings;
  // First of all: a start that fails here has started nothing.
  const keyPair = server.tls === null ? null : await readKeyPair(server.tls);
  const ownerHash = createHash('sha256').update(resolve(options.configFile)).digest('hex').slice(0, 16);
  const orphans = await endOrphans(ownerHash);
  if (orphans > 0) options.log.warn({ orphans }, 'ended processes that an earlier gateway left behind');
  const edges = await createEdges({ ...options, clock: systemClock, ownerHash });
  const parts = createParts(options, edges, await recallStarts(edges.cluster));
  const { life, roster } = parts;
  life.office = await officeOf(parts);
  roster.apply(life.sources.settings);
  await life.office?.start();
  const ports = await openPorts(parts, keyPair).catch(async (error: unknown) => {
    await life.office?.close();
    throw error;
  });
  if (edges.cluster !== null)
    life.voice = followCluster(edges.cluster, {
      clock: systemClock,
      sources: life.sources,
      apply: (settings) => roster.apply(settings),
      snapshotOf: (model) => roster.snapshotOf(model),
    });
  return {
    address: addressOf(ports.requests),
    adminAddress: addressOf(ports.admin),
    surfaceAddresses: ports.surfaceAddresses,
    reload: (next) => reload(parts, next),
    refuseReload(fault) {
      parts.life.fault = fault;
      parts.metrics.reloaded('refused');
    },
    close: () => close(parts, ports),
  };
}

/** Most gateways serve no surfaces, and need not load what stands behind them. */
async function officeOf({ options, life, metrics, roster, pipeline }: Parts): Promise<Office | null> {
  const { settings, log } = options;
  if (settings.surfaces.length === 0) return null;
  const { openOffice } = await import('./office.ts');
  const [keyRing, names] = [() => life.keyRing, () => roster.models.keys()];
  const onTried = (trial: DeliveryTrial) => metrics.webhookTried(trial.job.surface, trial);
  return await openOffice({ ...{ settings, log, pipeline, keyRing, names, onTried }, clock: systemClock });
}

function createParts(options: AppOptions, edges: Edges, startMemory: StartMemory): Parts {
  const { settings, log } = options;
  const clock = systemClock;
  const { cluster, prober, room, driverOf, gaugeOf, sleeperOf } = edges;
  const { heldMemoryBytes: maxMemoryBytes, spool } = settings.server;
  const nextReadyMs = () => roster.nextReadyMs;
  const held = new HeldMemory({ maxMemoryBytes, dir: spool.dir, maxSpoolBytes: spool.maxBytes, nextReadyMs });
  const sources = new ModelSources(withOwnCommand(settings, options.ownCommand), cluster?.namespace ?? null);
  const life: Life = {
    sources,
    voice: null,
    office: null,
    keyRing: new KeyRing(settings.auth.keys),
    fault: null,
    isClosing: false,
  };
  const metrics = new Metrics({
    models: () => roster.gauges(),
    hasModel: (model) => roster.models.has(model),
    gpus: () => gpuGauges(room),
    held,
    droppedLogLines: () => droppedLinesOf(log),
    clusterLists: () => cluster?.lists ?? null,
    jobs: () => life.office?.gauges() ?? null,
  });
  const meterOf = (model: string) => metrics.model(model);
  const onEvent = (model: string, event: ActivationEvent) => {
    logEvent(log, model, event);
    life.voice?.happened(model, event);
  };
  const leadership = cluster?.leadership ?? soleLeadership;
  const roster: Roster = new Roster(
    { clock, prober, leadership, startMemory, room, driverOf, gaugeOf, sleeperOf, meterOf, onEvent },
    log,
    (waiters, entry) => pipeline.move(waiters, entry),
  );
  const logAccess = settings.log.access ? createAccessLog(log) : () => undefined;
  const pipeline: Pipeline = new Pipeline({
    clock,
    directory: roster,
    held,
    watchdog: new Watchdog(clock),
    maxBodyBytes: () => settings.server.maxBodyBytes,
    dropCredentials: () => !life.keyRing.isEmpty,
    refusal: () => refusalOf(cluster),
    onAccess(facts) {
      if (facts.surface !== undefined) metrics.surfaceAsked(facts.surface, facts);
      else if (facts.model === null) metrics.unrouted(facts.outcome);
      logAccess(facts);
    },
    onFault: (error) => log.error({ err: error }, 'fault in the gateway'),
  });
  return { options, life, metrics, roster, pipeline, edges };
}

function reload({ options, life, metrics, roster, edges }: Parts, next: Settings): void {
  if (next.kubernetes !== null && edges.cluster === null)
    throw new Error('kubernetes: the gateway was started without a cluster; start it again to use one');
  if (fixedPart(next) !== fixedPart(options.settings))
    options.log.warn('changes under server, store, log and kubernetes are taken at the next start');
  shareAnew(edges.room, next.shared);
  roster.apply(life.sources.takeFile(withOwnCommand(next, options.ownCommand)));
  life.voice?.judged(life.sources.refused);
  life.keyRing = new KeyRing(next.auth.keys);
  life.fault = null;
  metrics.reloaded('taken');
}

async function close(parts: Parts, ports: Ports): Promise<void> {
  const { options, life, roster, edges } = parts;
  life.isClosing = true;
  // Whoever leads next serves what is new, while this one serves what it has.
  await edges.cluster?.release();
  const cut = await closePorts(ports, parts);
  if (cut > 0) options.log.warn({ requests: cut }, 'drain has passed: requests were cut');
  life.voice?.close();
  // Its jobs run on the models.
  await life.office?.close();
  await roster.close();
  await edges.close();
}
