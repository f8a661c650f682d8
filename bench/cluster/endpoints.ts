import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeApi } from '../../src/kube/api.ts';
import { PlayedNode } from '../../test/cluster/kubelet/played-node.ts';
import { containerPort, TestNamespace } from '../../test/cluster/support/cluster.ts';
import { modelPool } from '../../test/cluster/support/kinds/model-pool.ts';
import { serveOtherKinds } from '../../test/cluster/support/other-kinds.ts';
import { cpuSeconds, memoryBytes } from '../proc.ts';
import { median } from '../statistics.ts';
import { BenchGateway, nowMs } from './gateway.ts';
import type { Row } from './results.ts';

const podsPerModel = 5;
const callsAtATime = 12;
const goalMegabytes = 60;
const goalChangeMs = 50;
const goalIdlePercent = 1;

/** How much is measured. */
export interface EndpointOptions {
  readonly models: number;
  /** Changes of endpoints, half of them pods that go. */
  readonly changes: number;
  readonly settleMs: number;
  readonly idleMs: number;
}

/** Pods that nobody's controller owns, ready as their status says; one server answers for all of them. */
class Fleet {
  readonly #api: KubeApi;
  readonly #pods: string;
  readonly #signal = new AbortController().signal;

  constructor(api: KubeApi, namespace: string) {
    this.#api = api;
    this.#pods = `/api/v1/namespaces/${namespace}/pods`;
  }

  async create(name: string, pool: string): Promise<void> {
    const ports = [{ name: 'http', containerPort }];
    const body = {
      metadata: { name, labels: { pool } },
      spec: {
        nodeName: 'bench',
        automountServiceAccountToken: false,
        containers: [{ name: 'server', image: 'registry.example/vllm:v1', ports }],
      },
    };
    await this.#api.call({ method: 'POST', path: this.#pods, body, signal: this.#signal });
  }

  async makeReady(name: string, podIP: string): Promise<void> {
    const ready = ['Initialized', 'ContainersReady', 'Ready', 'PodScheduled'];
    const conditions = ready.map((type) => ({ type, status: 'True' }));
    const startedAt = new Date().toISOString();
    const container = { name: 'server', image: 'registry.example/vllm:v1', imageID: '', restartCount: 0 };
    const containerStatuses = [
      { ...container, ready: true, started: true, state: { running: { startedAt } } },
    ];
    const body = {
      status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions, containerStatuses },
    };
    const patchType = 'application/merge-patch+json';
    const path = `${this.#pods}/${name}/status`;
    await this.#api.call({ method: 'PATCH', path, patchType, body, signal: this.#signal });
  }

  async remove(name: string): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
    await this.#api.call({ method: 'DELETE', path: `${this.#pods}/${name}`, body, signal: this.#signal });
  }
}

const addressOf = (index: number) => `198.18.${200 + Math.floor(index / 250)}.${(index % 250) + 2}`;

/** Does the work for each number below `count`, a few at a time. */
async function each(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: callsAtATime }, worker));
}

function poolsOf(models: number): object[] {
  return Array.from({ length: models }, (_, index) => {
    const name = `m${index}`;
    return [
      {
        apiVersion: 'example.com/v1alpha1',
        kind: 'ModelPool',
        metadata: { name },
        spec: { size: podsPerModel },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name },
        spec: { selector: { pool: name }, ports: [{ port: 80, targetPort: 'http' }] },
      },
    ];
  }).flat();
}

const modelYaml = (name: string) => `  ${name}:
    backend:
      driver: kubernetes
      scaleTarget: { apiVersion: example.com/v1alpha1, kind: ModelPool, name: ${name} }
      port: ${containerPort}
    concurrency: 100
    scale: { idle: 1h }
`;

/** Megabytes after a collection of garbage. */
interface Memory {
  readonly resident: number;
  /** What the program keeps: the used heap and buffers, without what the allocator still holds of a busy start. */
  readonly kept: number;
}

async function memoryOf(gateway: BenchGateway, settleMs: number): Promise<Memory> {
  await pause(settleMs);
  gateway.collect();
  await pause(1_000);
  gateway.collect();
  const kept =
    (await gateway.metric('nodejs_heap_size_used_bytes')) +
    (await gateway.metric('nodejs_external_memory_bytes'));
  return { resident: memoryBytes(gateway.pid).residentBytes / 1e6, kept: kept / 1e6 };
}

async function readyCount(gateway: BenchGateway, model: string): Promise<number> {
  const { replicas } = JSON.parse(await gateway.view(model)) as { replicas: { state: string }[] };
  return replicas.filter(({ state }) => state === 'ready').length;
}

async function untilReady(gateway: BenchGateway, model: string, count: number): Promise<void> {
  const untilMs = nowMs() + 60_000;
  while ((await readyCount(gateway, model)) !== count) {
    if (nowMs() > untilMs) throw new Error(`${model}: ${count} ready expected: ${await gateway.view(model)}`);
    await pause(1);
  }
}

async function measureChanges(fleet: Fleet, gateway: BenchGateway, options: EndpointOptions) {
  const went: number[] = [];
  const came: number[] = [];
  for (let index = 0; index < options.changes / 2; index++) {
    const model = `m${index % options.models}`;
    const goneAtMs = nowMs();
    await Promise.all([fleet.remove(`${model}-0`), untilReady(gateway, model, podsPerModel - 1)]);
    went.push(nowMs() - goneAtMs);
    const name = `${model}-0`;
    await fleet.create(name, model);
    await pause(200);
    const readyAtMs = nowMs();
    const ready = fleet.makeReady(name, addressOf((index % options.models) * podsPerModel));
    await Promise.all([ready, untilReady(gateway, model, podsPerModel)]);
    came.push(nowMs() - readyAtMs);
  }
  return { went, came };
}

/** Memory, the way of a change, and what a gateway costs that nobody asks for anything. */
export async function measureEndpoints(api: KubeApi, options: EndpointOptions): Promise<readonly Row[]> {
  serveOtherKinds([modelPool]);
  const node = new PlayedNode(api, 'bench');
  await node.start();
  const place = new TestNamespace();
  place.apply(poolsOf(options.models));
  const { signal } = new AbortController();
  const pools = `/apis/example.com/v1alpha1/namespaces/${place.name}/modelpools`;
  await each(options.models, async (index) => {
    const body = { status: { size: podsPerModel, selector: `pool=m${index}` } };
    const patchType = 'application/merge-patch+json';
    await api.call({ method: 'PATCH', path: `${pools}/m${index}/status`, patchType, body, signal });
  });
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json').end('{}');
  }).listen(containerPort, '0.0.0.0');
  const fleet = new Fleet(api, place.name);
  const names = Array.from({ length: options.models }, (_, index) => `m${index}`);
  const gateway = await BenchGateway.start(place.name, names.map(modelYaml).join(''));
  try {
    const before = await memoryOf(gateway, options.settleMs);
    await each(options.models * podsPerModel, async (index) => {
      const model = `m${Math.floor(index / podsPerModel)}`;
      const name = `${model}-${index % podsPerModel}`;
      await fleet.create(name, model);
      await fleet.makeReady(name, addressOf(index));
    });
    for (const name of names) await untilReady(gateway, name, podsPerModel);
    const after = await memoryOf(gateway, options.settleMs);
    const idle = await idlePercent(gateway, options.idleMs);
    const { went, came } = await measureChanges(fleet, gateway, options);
    return rowsOf({ before, after, idle, went, came });
  } finally {
    await gateway.end();
    server.close();
    node.stop();
    place.close();
  }
}

async function idlePercent({ pid }: BenchGateway, idleMs: number): Promise<number> {
  const before = cpuSeconds(pid);
  await pause(idleMs);
  return ((cpuSeconds(pid) - before) / idleMs) * 100_000;
}

interface Measured {
  readonly before: Memory;
  readonly after: Memory;
  readonly idle: number;
  readonly went: readonly number[];
  readonly came: readonly number[];
}

function rowsOf({ before, after, idle, went, came }: Measured): Row[] {
  const change = (figure: string, samples: readonly number[]) => {
    return { figure, samples, digits: 1, goal: `<= ${goalChangeMs}`, isMet: median(samples) <= goalChangeMs };
  };
  const single = (figure: string, value: number, goal: number) => {
    return { figure, samples: [value], digits: 1, goal: `<= ${goal}`, isMet: value <= goal };
  };
  return [
    { figure: 'resident before the pods, MB', samples: [before.resident], digits: 1, goal: '', isMet: null },
    single('growth of it with the pods, MB', after.resident - before.resident, goalMegabytes),
    single('growth of what is kept with the pods, MB', after.kept - before.kept, goalMegabytes),
    change('pod deleted -> not at the gate, ms', went),
    change('pod ready -> at the gate, ms', came),
    single('idle CPU, % of a core', idle, goalIdlePercent),
  ];
}
