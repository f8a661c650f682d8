import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeApi } from '../../src/kube/api.ts';
import { PlayedNode } from '../../test/cluster/kubelet/played-node.ts';
import { containerPort, TestNamespace } from '../../test/cluster/support/cluster.ts';
import { modelPool } from '../../test/cluster/support/kinds/model-pool.ts';
import { serveOtherKinds } from '../../test/cluster/support/other-kinds.ts';
import { cpuSeconds } from '../proc.ts';
import { median } from '../statistics.ts';
import { addressOf, each, Fleet } from './fleet.ts';
import { BenchGateway, nowMs } from './gateway.ts';
import { type Memory, peakDuring, settledMemory } from './memory.ts';
import type { Row } from './results.ts';

const podsPerModel = 5;
const goalMegabytes = 60;
const goalChangeMs = 50;
const goalIdlePercent = 1;

/** How much is measured. */
export interface EndpointOptions {
  readonly models: number;
  /** Gateways of which the memory is measured, one after the other. */
  readonly rounds: number;
  /** Changes of endpoints, half of them pods that go. */
  readonly changes: number;
  readonly settleMs: number;
  readonly idleMs: number;
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

/** The models' objects, none of which has a pod yet. */
async function preparePools(api: KubeApi, place: TestNamespace, models: number): Promise<void> {
  place.apply(poolsOf(models));
  const { signal } = new AbortController();
  const pools = `/apis/example.com/v1alpha1/namespaces/${place.name}/modelpools`;
  await each(models, async (index) => {
    const body = { status: { size: podsPerModel, selector: `pool=m${index}` } };
    const patchType = 'application/merge-patch+json';
    await api.call({ method: 'PATCH', path: `${pools}/m${index}/status`, patchType, body, signal });
  });
}

/** What one gateway takes without pods, at the most while they come, and with them. */
interface Growth {
  readonly before: Memory;
  readonly peak: number;
  readonly after: Memory;
}

async function measureGrowth(
  fleet: Fleet,
  gateway: BenchGateway,
  { names, settleMs }: { readonly names: readonly string[]; readonly settleMs: number },
): Promise<Growth> {
  const before = await settledMemory(gateway, settleMs);
  const peak = await peakDuring(gateway, async () => {
    await each(names.length * podsPerModel, async (index) => {
      const model = names[Math.floor(index / podsPerModel)]!;
      const name = `${model}-${index % podsPerModel}`;
      await fleet.create(name, model);
      await fleet.makeReady(name, addressOf(index));
    });
    for (const name of names) await untilReady(gateway, name, podsPerModel);
  });
  return { before, peak, after: await settledMemory(gateway, settleMs) };
}

/** Memory, the way of a change, and what a gateway costs that nobody asks for anything. */
export async function measureEndpoints(api: KubeApi, options: EndpointOptions): Promise<readonly Row[]> {
  const { models, rounds, settleMs } = options;
  serveOtherKinds([modelPool]);
  const node = new PlayedNode(api, 'bench');
  await node.start();
  const place = new TestNamespace();
  await preparePools(api, place, models);
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json').end('{}');
  }).listen(containerPort, '0.0.0.0');
  const fleet = new Fleet(api, place.name);
  const names = Array.from({ length: models }, (_, index) => `m${index}`);
  const start = (count: number) =>
    BenchGateway.start(place.name, names.slice(0, count).map(modelYaml).join(''));
  let gateway = await start(1);
  try {
    const single = await settledMemory(gateway, settleMs);
    const growths: Growth[] = [];
    while (growths.length < rounds) {
      await gateway.end();
      await fleet.removeAll();
      gateway = await start(models);
      growths.push(await measureGrowth(fleet, gateway, { names, settleMs }));
    }
    const idle = await idlePercent(gateway, options.idleMs);
    const { went, came } = await measureChanges(fleet, gateway, options);
    return [...memoryRows(growths, { single, models }), ...otherRows({ idle, went, came })];
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

function memoryRows(
  growths: readonly Growth[],
  { single, models }: { readonly single: Memory; readonly models: number },
): Row[] {
  const context = (figure: string, samples: readonly number[]) => {
    return { figure, samples, digits: 1, goal: '', isMet: null };
  };
  const resident = growths.map(({ before, after }) => after.resident - before.resident);
  const kilobytesPerModel = ({ before }: Growth) => ((before.kept - single.kept) / (models - 1)) * 1_000;
  const kilobytesPerEndpoint = ({ before, after }: Growth) =>
    ((after.kept - before.kept) / (models * podsPerModel)) * 1_000;
  return [
    context('resident with one model, MB', [single.resident]),
    context(
      `resident with ${models} models, before the pods, MB`,
      growths.map(({ before }) => before.resident),
    ),
    {
      ...context('growth of it with the pods, MB', resident),
      goal: `<= ${goalMegabytes}`,
      isMet: Math.max(...resident) <= goalMegabytes,
    },
    context(
      'growth at the peak, while they come, MB',
      growths.map(({ before, peak }) => peak - before.resident),
    ),
    context('kept per model, kB', growths.map(kilobytesPerModel)),
    context('kept per endpoint, kB', growths.map(kilobytesPerEndpoint)),
  ];
}

interface Others {
  readonly idle: number;
  readonly went: readonly number[];
  readonly came: readonly number[];
}

function otherRows({ idle, went, came }: Others): Row[] {
  const change = (figure: string, samples: readonly number[]) => {
    return { figure, samples, digits: 1, goal: `<= ${goalChangeMs}`, isMet: median(samples) <= goalChangeMs };
  };
  const idleGoal = { digits: 1, goal: `<= ${goalIdlePercent}`, isMet: idle <= goalIdlePercent };
  return [
    change('pod deleted -> not at the gate, ms', went),
    change('pod ready -> at the gate, ms', came),
    { figure: 'idle CPU, % of a core', samples: [idle], ...idleGoal },
  ];
}
