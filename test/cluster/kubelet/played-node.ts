import { type KubeApi, KubeError } from '../../../src/kube/api.ts';
import { nodeAddress } from '../control-plane/credentials.ts';
import { LogServer } from './log-server.ts';
import { timestamp } from './reporter.ts';

const heartbeatMs = 10_000;
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const capacity = {
  cpu: '64',
  memory: '512Gi',
  pods: '500',
  'ephemeral-storage': '1Ti',
  'nvidia.com/gpu': '8',
};

/** A node with eight GPUs: its registration and its heartbeats. */
export class PlayedNode {
  readonly name: string;
  readonly #api: KubeApi;
  #timer: NodeJS.Timeout | null = null;
  #logs: LogServer | null = null;

  constructor(api: KubeApi, name: string) {
    this.#api = api;
    this.name = name;
  }

  /** Registers it where it is not yet, serves its logs, and begins its heartbeats. */
  async start(): Promise<void> {
    this.#logs = await LogServer.start(this.#api);
    const labels = { 'kubernetes.io/hostname': this.name, 'kubernetes.io/os': 'linux' };
    await this.#create('/api/v1/nodes', { metadata: { name: this.name, labels } });
    await this.#create(leases, { metadata: { name: this.name }, spec: this.#lease() });
    await this.#beat();
    const onFault = (error: unknown) => console.error(`node ${this.name}: ${String(error)}`);
    this.#timer = setInterval(() => void this.#beat().catch(onFault), heartbeatMs);
  }

  /** Ends the heartbeats, and serves no logs any more. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#logs?.close();
    this.#logs = null;
  }

  #lease() {
    const renewTime = new Date().toISOString().replace(/Z$/, '000Z');
    return { holderIdentity: this.name, leaseDurationSeconds: 40, renewTime };
  }

  async #create(path: string, body: object): Promise<void> {
    const { signal } = new AbortController();
    try {
      await this.#api.call({ method: 'POST', path, body, signal });
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 409) throw error;
    }
  }

  async #beat(): Promise<void> {
    const { signal } = new AbortController();
    const condition = (type: string, status: string, reason: string) => {
      const at = timestamp();
      return { type, status, reason, lastHeartbeatTime: at, lastTransitionTime: at };
    };
    const status = {
      capacity,
      allocatable: capacity,
      daemonEndpoints: { kubeletEndpoint: { Port: this.#logs?.port ?? 0 } },
      addresses: [{ type: 'InternalIP', address: nodeAddress }],
      conditions: [
        condition('Ready', 'True', 'KubeletReady'),
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID'),
      ],
    };
    const patchType = 'application/strategic-merge-patch+json';
    const path = `/api/v1/nodes/${this.name}/status`;
    await this.#api.call({ method: 'PATCH', path, patchType, body: { status }, signal });
    const body = { spec: this.#lease() };
    await this.#api.call({
      method: 'PATCH',
      path: `${leases}/${this.name}`,
      patchType: 'application/merge-patch+json',
      body,
      signal,
    });
  }
}
