import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeApi } from '../../src/kube/api.ts';
import { containerPort, deployment, TestNamespace } from '../../test/cluster/support/cluster.ts';
import { median } from '../statistics.ts';
import { BenchGateway, nowMs } from './gateway.ts';
import type { Row } from './results.ts';

const goalOverFloorMs = 25;
const goalFirstByteMs = 10;
const script = { mode: 'process', 'probe-ms': 100 };

interface WatchedPod {
  readonly metadata: { readonly uid: string; readonly labels: { readonly app: string } };
  readonly status: { readonly podIP?: string };
}

/** The pods of a namespace, by uid, kept by a watch until the signal aborts. */
class Pods {
  readonly #byUid = new Map<string, WatchedPod>();

  constructor(api: KubeApi, namespace: string, signal: AbortSignal) {
    const path = `/api/v1/namespaces/${namespace}/pods?watch=true&timeoutSeconds=3000`;
    const watching = api.watch(
      path,
      ({ type, object }) => {
        const pod = object as WatchedPod;
        if (type === 'DELETED') this.#byUid.delete(pod.metadata.uid);
        else if (type !== 'BOOKMARK') this.#byUid.set(pod.metadata.uid, pod);
      },
      { idleMs: 3_000_000, signal },
    );
    watching.catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  get count(): number {
    return this.#byUid.size;
  }

  addressOf(app: string): string | null {
    const pod = [...this.#byUid.values()].find(({ metadata }) => metadata.labels.app === app);
    return pod?.status.podIP ?? null;
  }
}

function accepts(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(containerPort, host);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function floorRound(api: KubeApi, namespace: string, pods: Pods): Promise<number> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/floor/scale`;
  const { signal } = new AbortController();
  await api.call({ method: 'GET', path, signal });
  const scale = (replicas: number) =>
    api.call({
      method: 'PATCH',
      path,
      patchType: 'application/merge-patch+json',
      body: { spec: { replicas } },
      signal,
    });
  const sentAtMs = nowMs();
  const scaled = scale(1);
  for (let isOpen = false; !isOpen; ) {
    const address = pods.addressOf('floor');
    isOpen = address !== null && (await accepts(address));
    if (!isOpen) await pause(1);
  }
  const tookMs = nowMs() - sentAtMs;
  await scaled;
  await scale(0);
  return tookMs;
}

async function untilCold(pods: Pods, gateway: BenchGateway): Promise<void> {
  while (pods.count > 0) await pause(20);
  while ((JSON.parse(await gateway.view('model')) as { replicas: unknown[] }).replicas.length > 0)
    await pause(20);
  // What the control plane still writes after the last pod is gone belongs to no round.
  await pause(500);
}

/** Where the time of a start went, by the gateway's own record: the median offset of each step. */
class Waterfall {
  readonly #offsets = new Map<string, number[]>();

  take(view: string): void {
    const { lastStarts } = JSON.parse(view) as {
      lastStarts: { steps: { name: string; offsetMs: number }[] }[];
    };
    for (const { name, offsetMs } of lastStarts[0]?.steps ?? []) {
      this.#offsets.set(name, [...(this.#offsets.get(name) ?? []), offsetMs]);
    }
  }

  toString(): string {
    return [...this.#offsets].map(([name, offsets]) => `${name} ${median(offsets).toFixed(0)} ms`).join(', ');
  }
}

const model = `  model:
    backend: { driver: kubernetes, scaleTarget: deployment/model, port: ${containerPort}, ready: { startup: 30s } }
    concurrency: 10
    scale: { idle: 1s }
`;

/** Cold requests against the floor, in turn. Returns the rows and the waterfall of the starts in words. */
export async function measureCold(
  api: KubeApi,
  rounds: number,
): Promise<{ readonly rows: readonly Row[]; readonly steps: string }> {
  const place = new TestNamespace();
  place.apply([...deployment({ name: 'floor', script }), ...deployment({ name: 'model', script })]);
  const stop = new AbortController();
  const pods = new Pods(api, place.name, stop.signal);
  const gateway = await BenchGateway.start(place.name, model);
  const waterfall = new Waterfall();
  const floor: number[] = [];
  const cold: number[] = [];
  const toFirstByte: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      floor.push(await floorRound(api, place.name, pods));
      await untilCold(pods, gateway);
      const sentAtMs = nowMs();
      const { status, atMs, backendReadyAtMs } = await gateway.ask('model');
      if (status !== 200) throw new Error(`the model answered ${status}`);
      cold.push(atMs - sentAtMs);
      toFirstByte.push(atMs - backendReadyAtMs);
      waterfall.take(await gateway.view('model'));
      await untilCold(pods, gateway);
    }
  } finally {
    stop.abort();
    await gateway.end();
    place.close();
  }
  return { rows: rowsOf(floor, cold, toFirstByte), steps: `${waterfall}` };
}

function rowsOf(floor: number[], cold: number[], toFirstByte: number[]): Row[] {
  const over = median(cold) - median(floor);
  return [
    { figure: 'floor: scale patch -> pod accepts, ms', samples: floor, digits: 1, goal: '', isMet: null },
    { figure: 'cold request -> first byte, ms', samples: cold, digits: 1, goal: '', isMet: null },
    {
      figure: 'difference of the medians, ms',
      samples: [over],
      digits: 1,
      goal: `<= ${goalOverFloorMs}`,
      isMet: over <= goalOverFloorMs,
    },
    {
      figure: 'pod listens -> first byte, ms',
      samples: toFirstByte,
      digits: 1,
      goal: `<= ${goalFirstByteMs}`,
      isMet: median(toFirstByte) <= goalFirstByteMs,
    },
  ];
}
