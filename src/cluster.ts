import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { KubernetesBackend, KubernetesSettings } from './config/settings.ts';
import type { Clock } from './core/clock.ts';
import type { Driver } from './core/driver.ts';
import { type Leadership, soleLeadership } from './core/leadership.ts';
import { createDiscovery, type Discovered, type Discovery } from './discovery/discovery.ts';
import { EventRecorder } from './discovery/event-recorder.ts';
import type { DiscoveryFault } from './discovery/fault.ts';
import { createModelReporter, type ModelReporter } from './discovery/model-reporter.ts';
import { createStartStore, type StartStore } from './discovery/start-store.ts';
import { fieldManager } from './discovery/vocabulary.ts';
import type { UnreadLog } from './drivers/kubernetes/driver-options.ts';
import { createKnativeDriver, isKnativeTarget } from './drivers/kubernetes/knative-driver.ts';
import { createKubernetesDriver } from './drivers/kubernetes/kubernetes-driver.ts';
import { loadAccess } from './kube/access.ts';
import type { KubeApi } from './kube/api.ts';
import { createKubeApi } from './kube/client.ts';
import { createResources } from './kube/discovery.ts';
import { createLease } from './kube/lease.ts';
import type { LeaseHolder } from './kube/lease-holder.ts';
import type { Mirrors } from './kube/mirror.ts';
import { createMirrors } from './kube/mirrors.ts';
import type { Resources } from './kube/resource.ts';
import type { Log } from './meter/log.ts';

/** What the gateway has of a cluster. Loaded only where one is configured: the API client alone takes a while. */
export interface Cluster {
  /** Its own namespace. */
  readonly namespace: string;
  readonly leadership: Leadership;
  readonly starts: StartStore;
  readonly recorder: EventRecorder;
  /** Lists of its collections, by reason. */
  readonly lists: Mirrors['lists'];
  driverOf(backend: KubernetesBackend): Driver;
  /** Begins to look for models, where that is configured, and for the lease. */
  start(onFound: (discovered: Discovered) => void): {
    readonly discovery: Discovery;
    readonly reporter: ModelReporter;
  };
  /** Why nothing is admitted: another gateway leads, or the models of the cluster are not known yet; else null. */
  readonly obstacle: string | null;
  /** Another gateway may lead from now on. */
  release(): Promise<void>;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly settings: KubernetesSettings;
  readonly drainMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const startsName = 'pilotlight-starts';
const settleMs = 60_000;
const flushMs = 2_000;

interface Parts extends ClusterOptions {
  readonly api: KubeApi;
  /** For lists and watches alone. */
  readonly listing: KubeApi;
  readonly mirrors: Mirrors;
  readonly resources: Resources;
  readonly lease: LeaseHolder | null;
  readonly leadership: Leadership;
  readonly identity: string;
  readonly onFault: (fault: DiscoveryFault) => void;
}

/** Reads who it is there; rejects when nothing says so. An API server that is away is waited for, later on. */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { settings, drainMs, clock, log } = options;
  const access = await loadAccess(settings, clock);
  const api = createKubeApi({ access, clock, userAgent: fieldManager });
  // Lists may take minutes: no renewal of the lease and no write of a count waits for a connection behind them.
  const listing = createKubeApi({ access, clock, userAgent: fieldManager });
  const { random } = Math;
  const mirrors = createMirrors({
    api: listing,
    clock,
    random,
    onFault: (path, err) => log.debug({ path, err }, 'watch broke'),
  });
  const identity = `${hostname()}_${randomUUID().slice(0, 8)}`;
  const lease =
    settings.lease === null
      ? null
      : createLease({
          ...{ api, clock, random, identity, drainMs },
          settings: settings.lease,
          onFault: (err) => log.debug({ err }, 'lease'),
        });
  lease?.onChange(() => tellLeadership(lease, log));
  return new KubeCluster({
    ...options,
    ...{ api, listing, mirrors, lease, identity },
    leadership: lease ?? soleLeadership,
    resources: createResources(api, clock),
    onFault: ({ message, error }) => log.warn({ err: error }, message),
  });
}

/** Who leads is worth a line; that nobody is known to, a warning. */
function tellLeadership({ isLeader, leader, reason }: Leadership, log: Log): void {
  if (isLeader) log.info({ leader }, 'this gateway leads its group');
  else if (leader === null)
    log.warn({ reason }, 'this gateway does not lead its group, and knows of nobody who does');
  else log.info({ leader, reason }, 'this gateway does not lead its group');
}

/** That a Role is missing is worth a line. */
function tellUnreadLog({ namespace, pod, isDenied, error: err }: UnreadLog, log: Log): void {
  if (isDenied)
    log.info(
      { namespace, err },
      'crashes are told without their last log line: a Role must grant get on pods/log (optional Role of the deployment)',
    );
  else log.debug({ namespace, pod, err }, 'the log of a crashed container was not read');
}

class KubeCluster implements Cluster {
  readonly namespace: string;
  readonly leadership: Leadership;
  readonly starts: StartStore;
  readonly recorder: EventRecorder;
  readonly #parts: Parts;
  readonly #drivers: { readonly kubernetes: Driver; readonly knative: Driver };
  #discovery: Discovery | null = null;
  #reporter: ModelReporter | null = null;
  #isKnown = false;
  readonly #stop = new AbortController();

  constructor(parts: Parts) {
    const { api, clock, leadership, lease, log, identity, onFault } = parts;
    this.#parts = parts;
    this.namespace = api.namespace;
    this.leadership = leadership;
    const common = { api, clock, leadership, onFault };
    this.starts = createStartStore({ ...common, namespace: api.namespace, name: startsName });
    this.recorder = new EventRecorder({ ...common, instance: identity });
    const driving = {
      ...parts,
      leadsFor: () => lease?.leadsFor() ?? Number.POSITIVE_INFINITY,
      fieldManager,
      onUnreadLog: (unread: UnreadLog) => tellUnreadLog(unread, log),
      onFault: (err: unknown) => log.error({ err }, 'kubernetes driver fault'),
    };
    this.#drivers = {
      kubernetes: createKubernetesDriver(driving) as Driver,
      knative: createKnativeDriver(driving) as Driver,
    };
  }

  driverOf(backend: KubernetesBackend): Driver {
    return isKnativeTarget(backend) ? this.#drivers.knative : this.#drivers.kubernetes;
  }

  start(onFound: (discovered: Discovered) => void): { discovery: Discovery; reporter: ModelReporter } {
    const { api, clock, leadership, onFault, lease } = this.#parts;
    const discovery = createDiscovery({
      ...this.#parts,
      ownNamespace: this.namespace,
      onChange: (discovered) => {
        this.#isKnown = true;
        onFound(discovered);
      },
    });
    const objectOf = (key: string) => discovery.objectOf(key);
    const reporter = createModelReporter({ api, clock, leadership, objectOf, onFault });
    this.#discovery = discovery;
    this.#reporter = reporter;
    lease?.start();
    discovery.settled(settleMs, this.#stop.signal).catch(() => undefined);
    return { discovery, reporter };
  }

  get lists(): Mirrors['lists'] {
    return this.#parts.mirrors.lists;
  }

  get obstacle(): string | null {
    const { isLeader, reason } = this.leadership;
    if (!isLeader) return `on standby: ${reason ?? 'another gateway leads'}`;
    return this.#isKnown ? null : 'the models of the cluster are not known yet';
  }

  async release(): Promise<void> {
    await this.starts.flush(AbortSignal.timeout(flushMs)).catch(() => undefined);
    await this.#parts.lease?.release();
  }

  async close(): Promise<void> {
    const { lease, mirrors, api, listing } = this.#parts;
    this.#stop.abort();
    await Promise.all([this.#reporter?.close(), this.#discovery?.close(), this.recorder.close()]);
    await Promise.all(Object.values(this.#drivers).map((driver) => driver.close()));
    await lease?.close();
    await mirrors.close();
    await Promise.all([api.close(), listing.close()]);
  }
}
