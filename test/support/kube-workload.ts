import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubernetesBackend } from '../../src/config/settings.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { Driver, Target } from '../../src/core/driver.ts';
import type { Leadership } from '../../src/core/leadership.ts';
import type { UnreadLog } from '../../src/drivers/kubernetes/driver-options.ts';
import { createKubernetesDriver } from '../../src/drivers/kubernetes/kubernetes-driver.ts';
import { createKubeApi } from '../../src/kube/client.ts';
import { createResources } from '../../src/kube/discovery.ts';
import { createMirrors } from '../../src/kube/mirrors.ts';
import { FakeLeadership } from './fake-leadership.ts';
import { accessTo } from './kube-access.ts';
import { KubeServer } from './kube-server.ts';
import type { ServedKind } from './kube-server-kinds.ts';
import type { KubeObject } from './kube-server-store.ts';

export const podsPath = '/api/v1/namespaces/llm/pods';
export const deploymentPath = '/apis/apps/v1/namespaces/llm/deployments/web';

const costKey = 'controller.kubernetes.io/pod-deletion-cost';

/** Settings of a Deployment `web` in `llm`, but for what is given. */
export function kubernetesBackend(given: Partial<KubernetesBackend> = {}): KubernetesBackend {
  return {
    driver: 'kubernetes',
    namespace: 'llm',
    scaleTarget: { apiVersion: null, kind: 'Deployment', name: 'web' },
    service: null,
    port: null,
    route: 'auto',
    trust: 'auto',
    probeFrom: 'settings',
    owner: 'pilotlight',
    capacityTimeoutMs: 120_000,
    ...given,
  };
}

/** A cluster in memory with one workload, whose pods a played controller makes and ends, and the driver on it. */
export class KubeWorkload {
  readonly server: KubeServer;
  readonly leadership: Leadership & FakeLeadership = new FakeLeadership();
  readonly driver: Driver<KubernetesBackend>;
  readonly faults: unknown[] = [];
  readonly unreadLogs: UnreadLog[] = [];
  leadsForMs = Number.POSITIVE_INFINITY;
  backend: KubernetesBackend;
  /** Whether the played controller makes and ends pods. */
  isPlaying = true;
  readonly #path: string;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #serverByPod = new Map<string, Server>();
  #pods = 0;
  #turn: Promise<void> = Promise.resolve();

  private constructor(
    server: KubeServer,
    { path, backend, clock }: { path: string; backend: KubernetesBackend; clock: Clock },
  ) {
    this.server = server;
    this.backend = backend;
    this.#path = path;
    const access = accessTo(server);
    const api = createKubeApi({ access, clock, userAgent: 'test' });
    const onFault = (error: unknown) => this.faults.push(error);
    const mirrors = createMirrors({ api, clock, random: Math.random, onFault });
    const resources = createResources(api, clock);
    this.driver = createKubernetesDriver({
      api,
      mirrors,
      resources,
      clock,
      leadership: this.leadership,
      leadsFor: () => this.leadsForMs,
      fieldManager: 'pilotlight',
      onUnreadLog: (unread) => this.unreadLogs.push(unread),
      onFault,
    });
    this.#closers.push(
      () => this.driver.close(),
      () => mirrors.close(),
      () => api.close(),
      () => server.close(),
    );
  }

  /** `path`: that of the workload; it is there with `replicas` unless null. `clock`: of all but the server. */
  static async start({
    path = deploymentPath,
    replicas = 0 as number | null,
    isPlaying = true,
    kinds = [] as readonly ServedKind[],
    backend = {} as Partial<KubernetesBackend>,
    clock = systemClock as Clock,
  } = {}): Promise<KubeWorkload> {
    const server = await KubeServer.start(kinds);
    const workload = new KubeWorkload(server, { path, backend: kubernetesBackend(backend), clock });
    workload.isPlaying = isPlaying;
    if (replicas !== null) workload.putCount(replicas);
    const timer = setInterval(() => workload.#play(), 5);
    workload.#closers.unshift(async () => {
      clearInterval(timer);
      await workload.#turn;
      for (const listener of workload.#serverByPod.values()) listener.close();
    });
    return workload;
  }

  get target(): Target<KubernetesBackend> {
    const current = () => this.backend;
    return {
      id: 'web/default',
      model: 'web',
      revision: 'default',
      get backend() {
        return current();
      },
    };
  }

  get count(): number {
    return (this.server.get(this.#path)?.spec?.replicas as number | undefined) ?? 0;
  }

  get pods(): KubeObject[] {
    return this.server.list(podsPath);
  }

  /** Requests that wrote a count. */
  get writes() {
    return this.server.requests.filter(({ resource, verb }) => resource.endsWith('/scale') && verb !== 'get');
  }

  /** Sets the count as somebody else would. */
  putCount(replicas: number, manager = 'kubectl'): void {
    const [name = ''] = this.#path.split('/').slice(-1);
    const fieldsV1 = { 'f:spec': { 'f:replicas': {} } };
    const time = new Date(systemClock.wallMs()).toISOString();
    const before = this.server.get(this.#path);
    this.server.put(this.#path, {
      ...before,
      metadata: { ...before?.metadata, name, namespace: 'llm', managedFields: [{ manager, time, fieldsV1 }] },
      spec: { replicas, selector: { matchLabels: { app: 'web' } } },
    });
  }

  /** Ends a pod as the loss of its node would, by the id of its replica. */
  lose(replicaId: string): void {
    const name = /@(.*)\/[^/]*$/.exec(replicaId)?.[1];
    this.server.delete(`${podsPath}/${name}`);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  #play(): void {
    if (!this.isPlaying) return;
    this.#turn = this.#turn.then(async () => {
      for (const pods = this.pods; this.isPlaying && pods.length < this.count; )
        pods.push(await this.#makePod());
      const costOf = (pod: KubeObject) => Number(pod.metadata.annotations?.[costKey] ?? 0);
      const order = this.pods.toSorted((a, b) => costOf(a) - costOf(b));
      for (const { metadata } of order.slice(0, Math.max(0, order.length - this.count)))
        this.server.delete(`${podsPath}/${metadata.name}`);
    });
  }

  async #makePod(): Promise<KubeObject> {
    const listener = createServer((_req, res) => res.end('ok')).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const name = `web-${this.#pods++}`;
    this.#serverByPod.set(name, listener);
    const containerPort = (listener.address() as AddressInfo).port;
    return this.server.put(`${podsPath}/${name}`, podObject(name, { containerPort }));
  }
}

/** A pod that runs. */
export function podObject(name: string, { containerPort = 8000, ip = '127.0.0.1', labels = {} } = {}) {
  return {
    metadata: { name, namespace: 'llm', labels: { app: 'web', ...labels } },
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'web:1', ports: [{ containerPort }] }] },
    status: {
      phase: 'Running',
      podIP: ip,
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [
        { name: 'main', ready: true, started: true, restartCount: 0, state: { running: {} }, image: 'web:1' },
      ],
    },
  };
}
