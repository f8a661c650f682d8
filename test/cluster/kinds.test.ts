import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import type { Manifest } from './support/kinds/hands.ts';
import { playInferenceServices } from './support/kinds/inference-service.ts';
import { type KnativeRoute, playKnativeRoute } from './support/kinds/knative-service.ts';
import { groupOf, isLeader, playLeaderWorkerSets } from './support/kinds/leader-worker-set.ts';
import { modelPool, playModelPools } from './support/kinds/model-pool.ts';
import { serveOtherKinds } from './support/other-kinds.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;
let closers: (() => Promise<void>)[];
let takeAway: () => void;

beforeAll(() => {
  takeAway = serveOtherKinds([modelPool]);
});
afterAll(() => takeAway());
beforeEach(async () => {
  closers = [];
  stage = await Stage.open();
});
afterEach(async () => {
  await stage.quit();
  for (const close of closers.reverse()) await close();
  await stage.close();
});

const lasting = (ms: number) => ({ max_tokens: ms, ignore_eos: true, stream: true });

/** What a model server's pods are made of. */
function template(script: Record<string, number> = {}) {
  const [manifest] = deployment({ name: 'llama', gpus: 0, script });
  return (manifest as { spec: { template: { metadata: object; spec: object } } }).spec.template;
}

const pods = () =>
  stage.place
    .list<Manifest>('pods')
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));
const podNames = () => pods().map(({ metadata }) => metadata.name);
const field = (object: string, path: string) =>
  stage.place.kubectl(['get', object, '-o', `jsonpath={${path}}`]);

async function readyReplicas(): Promise<string[]> {
  const { replicas } = await stage.view('llama');
  return replicas.filter(({ state }) => state === 'ready').map(({ id }) => id);
}

describe('a LeaderWorkerSet', () => {
  const asked = () => Number(field('leaderworkerset/llama', '.spec.replicas'));
  beforeEach(async () => {
    closers.push(await playLeaderWorkerSets(stage.place.name));
    const leaderWorkerTemplate = { size: 2, workerTemplate: template({ 'drain-ms': 10 }) };
    const spec = { replicas: 0, leaderWorkerTemplate };
    const kind = { apiVersion: 'leaderworkerset.x-k8s.io/v1', kind: 'LeaderWorkerSet' };
    stage.place.apply([{ ...kind, metadata: { name: 'llama' }, spec }]);
  });

  it('has its leaders for replicas, from the first request on', async () => {
    await stage.serve({ name: 'llama', target: 'leaderworkerset/llama' });
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    expect(asked()).toBe(1);
    expect(podNames()).toEqual(['llama-0', 'llama-0-1']);
    const [leader, worker] = pods();
    expect([isLeader(leader!), isLeader(worker!)]).toEqual([true, false]);
    await expect.poll(async () => (await stage.view('llama')).replicas).toHaveLength(1);
    const address = field('pod/llama-0', '.status.podIP');
    const { replicas, removal } = await stage.view('llama');
    expect(replicas[0]!.origin).toBe(`http://${address}:8000`);
    expect(removal).toBe('highest-ordinal');
  });

  it('is lowered from its highest group, whose stream ends before it does', async () => {
    const scale = 'max: 2, idle: 2s';
    await stage.serve({ name: 'llama', target: 'leaderworkerset/llama', concurrency: 1, scale });
    const both = [1, 2].map(() => stage.ask('llama', lasting(5_000)));
    await expect.poll(readyReplicas).toHaveLength(2);
    expect(asked()).toBe(2);
    expect(podNames()).toEqual(['llama-0', 'llama-0-1', 'llama-1', 'llama-1-1']);
    expect((await Promise.all(both)).every(({ text }) => text.trimEnd().endsWith('[DONE]'))).toBe(true);
    const long = stage.ask('llama', lasting(7_000));
    await expect.poll(asked, { interval: 200 }).toBe(1);
    await expect.poll(() => pods().map(groupOf)).toEqual([0, 0]);
    expect((await long).text.trimEnd().endsWith('[DONE]')).toBe(true);
    await expect.poll(asked).toBe(0);
    await expect.poll(podNames).toEqual([]);
  });
});

describe('a KServe InferenceService', () => {
  const apply = (deploymentMode: string) =>
    stage.place.apply([
      {
        apiVersion: 'serving.kserve.io/v1beta1',
        kind: 'InferenceService',
        metadata: { name: 'llama', annotations: { 'serving.kserve.io/deploymentMode': deploymentMode } },
        spec: { predictor: { model: { modelFormat: { name: 'huggingface' } } } },
      },
    ]);
  beforeEach(async () => {
    closers.push(await playInferenceServices(stage.place.name));
  });

  it.each(['Standard', 'RawDeployment'])('in mode %s has its predictor scaled from zero', async (mode) => {
    apply(mode);
    await stage.serve({ name: 'llama', target: 'inferenceservice/llama' });
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    expect(stage.asked('llama-predictor')).toBe(1);
  });

  it('in mode Serverless is refused at once, with what to name instead', async () => {
    apply('Serverless');
    await stage.serve({ name: 'llama', target: 'inferenceservice/llama' });
    const refused = await stage.ask('llama');
    expect(refused).toMatchObject({ status: 503, code: 'start_failed' });
    expect(refused.message).toContain(
      'InferenceService "llama" is in mode Serverless: only Standard can be scaled; name its Knative Service instead',
    );
    expect(refused.tookMs).toBeLessThan(10_000);
  });
});

describe('a Knative Service', () => {
  const coldMs = 1_500;
  let route: KnativeRoute;
  beforeEach(async () => {
    route = await playKnativeRoute(coldMs);
    closers.push(route.close);
  });

  it('is woken by the request itself, by no other, and its object is never written', async () => {
    const kind = { apiVersion: 'serving.knative.dev/v1', kind: 'Service' };
    stage.place.apply([{ ...kind, metadata: { name: 'llama' }, spec: { template: {} } }]);
    const object = 'services.serving.knative.dev/llama';
    const status = { address: { url: route.url }, conditions: [{ type: 'Ready', status: 'True' }] };
    const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
    stage.place.kubectl(['patch', object, ...patch]);
    const before = field(object, '.metadata');
    await stage.serve({
      name: 'llama',
      target: '{ apiVersion: serving.knative.dev/v1, kind: Service, name: llama }',
      scale: 'idle: 1s',
    });
    await expect.poll(readyReplicas).toHaveLength(1);
    expect(route.requests).toEqual([]);
    const cold = await stage.ask('llama');
    expect(cold).toMatchObject({ status: 200 });
    expect(cold.tookMs).toBeGreaterThan(coldMs - 50);
    expect(cold.text).toContain('woken');
    expect((await stage.ask('llama')).tookMs).toBeLessThan(coldMs);
    expect(route.requests).toEqual(Array(2).fill('POST /v1/chat/completions'));
    await stage.quit();
    expect(field(object, '.metadata')).toBe(before);
  });
});

describe('a custom kind with a scale subresource', () => {
  it('is scaled wherever its count stands, and lowered again when it is idle', async () => {
    closers.push(await playModelPools(stage.place.name));
    const kind = { apiVersion: 'example.com/v1alpha1', kind: 'ModelPool' };
    stage.place.apply([{ ...kind, metadata: { name: 'llama' }, spec: { size: 0, template: template() } }]);
    const target = '{ apiVersion: example.com/v1alpha1, kind: ModelPool, name: llama }';
    await stage.serve({ name: 'llama', target, concurrency: 1, scale: 'max: 2, idle: 2s' });
    const both = [1, 2].map(() => stage.ask('llama', lasting(3_000)));
    await expect.poll(readyReplicas).toHaveLength(2);
    const asked = () => Number(field('modelpool/llama', '.spec.size'));
    expect(asked()).toBe(2);
    expect((await stage.view('llama')).removal).toBe('unknown');
    expect((await Promise.all(both)).every(({ text }) => text.trimEnd().endsWith('[DONE]'))).toBe(true);
    await expect.poll(asked).toBe(0);
    await expect.poll(podNames).toEqual([]);
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
  });
});

describe('a ScaledObject of KEDA', () => {
  it('has its target refused as contended, until it is gone', async () => {
    const scaledObject = {
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'ScaledObject',
      metadata: { name: 'llama-keda' },
      spec: { scaleTargetRef: { name: 'llama' }, triggers: [] },
    };
    stage.place.apply([...deployment({ name: 'llama', gpus: 0 }), scaledObject]);
    await stage.serve({ name: 'llama' });
    const refused = await stage.ask('llama');
    expect(refused).toMatchObject({ status: 503, code: 'start_failed' });
    expect(refused.message).toMatch(
      /ScaledObject "llama-keda" owns the count of Deployment "llama": .*scale\.owner: external/,
    );
    expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'failed', fault: 'contended' });
    expect(stage.asked('llama')).toBe(0);
    stage.place.kubectl(['delete', 'scaledobject', 'llama-keda']);
    await expect.poll(async () => (await stage.ask('llama')).status).toBe(200);
  });
});
