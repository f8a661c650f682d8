import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Discovery } from '../../src/discovery/discovery.ts';
import type { SourceObject } from '../../src/discovery/projection.ts';
import type { Resources } from '../../src/kube/resource.ts';
import { deploymentsPath, discover, goodSpec, modelsPath, startCluster } from './rig.ts';

const { signal } = new AbortController();
let cluster: Awaited<ReturnType<typeof startCluster>>;
let running: Discovery[];

beforeEach(async () => {
  cluster = await startCluster();
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((discovery) => discovery.close()));
  await cluster.close();
});

function start(...args: Parameters<typeof discover>) {
  const rig = discover(...args);
  running.push(rig.discovery);
  return rig;
}

const annotated = (annotations: Record<string, string>, metadata: object = {}) => ({
  metadata: { annotations, ...metadata },
});

describe('discovery', () => {
  it('tells nothing before everything was listed, and then all at once', async () => {
    cluster.server.put(`${modelsPath}/llama`, { spec: goodSpec('llama') });
    cluster.server.put(`${deploymentsPath}/qwen`, annotated({ 'pilotlight.dev/model': 'qwen' }));
    cluster.server.put(`${deploymentsPath}/other`, annotated({ 'example.com/model': 'x' }));
    const { discovery, told, keys } = start(cluster);
    expect(await discovery.settled(10_000, signal)).toBe(true);
    expect(told.length).toBe(1);
    expect(keys()).toEqual(['annotation Deployment llm/qwen', 'model llm/llama']);
  });

  it('tells of models that are created, changed and deleted', async () => {
    const { discovery, told, keys } = start(cluster);
    await discovery.settled(10_000, signal);
    expect(keys()).toEqual([]);
    cluster.server.put(`${modelsPath}/llama`, { spec: goodSpec('llama') });
    await expect.poll(keys).toEqual(['model llm/llama']);
    cluster.server.put(`${modelsPath}/llama`, { spec: { ...goodSpec('llama'), concurrency: 7 } });
    await expect.poll(() => told.at(-1)?.models[0]?.settings.revision.concurrency).toBe(7);
    cluster.server.delete(`${modelsPath}/llama`);
    await expect.poll(keys).toEqual([]);
    expect(discovery.objectOf('model llm/llama')).toBeUndefined();
  });

  it('tells nothing when only the status of an object changes, and has the newest status', async () => {
    cluster.server.put(`${modelsPath}/llama`, { spec: goodSpec('llama') });
    const { discovery, told } = start(cluster);
    await discovery.settled(10_000, signal);
    cluster.server.put(`${modelsPath}/llama`, { spec: goodSpec('llama'), status: { phase: 'Ready' } });
    await expect.poll(() => discovery.objectOf('model llm/llama')?.status).toEqual({ phase: 'Ready' });
    cluster.server.put(`${modelsPath}/next`, { spec: goodSpec('next') });
    await expect.poll(() => told.at(-1)?.models.length).toBe(2);
    expect(told.length).toBe(2);
  });

  it('reports a bad object on itself and takes the others', async () => {
    cluster.server.put(`${modelsPath}/good`, { spec: goodSpec('good') });
    cluster.server.put(`${modelsPath}/bad`, { spec: { backend: 7, scale: { max: 'many' } } });
    cluster.server.put(`${modelsPath}/none`, {});
    cluster.server.put(
      `${deploymentsPath}/odd`,
      annotated({ 'pilotlight.dev/model': 'odd', 'pilotlight.dev/idel': '5m' }),
    );
    const { discovery, told, keys, faulty } = start(cluster);
    await discovery.settled(10_000, signal);
    expect(keys()).toEqual(['model llm/good']);
    expect(faulty()).toEqual(['annotation Deployment llm/odd', 'model llm/bad', 'model llm/none']);
    const odd = told[0]!.faulty.find(({ key }) => key.endsWith('odd'));
    expect(odd?.faults[0]?.path).toBe('pilotlight.dev/idel');
    cluster.server.put(`${modelsPath}/bad`, { spec: goodSpec('bad') });
    await expect.poll(keys).toEqual(['model llm/bad', 'model llm/good']);
  });

  it('keeps a model whose object is changed into a faulty one as it was, until its faults are mended', async () => {
    cluster.server.put(`${modelsPath}/llama`, { spec: goodSpec('llama') });
    const { discovery, told, keys, faulty } = start(cluster);
    await discovery.settled(10_000, signal);
    const before = told.at(-1)!.models;
    const faults = () => told.at(-1)!.faulty.flatMap((one) => one.faults.map(({ path }) => path));
    for (const key of ['max', 'min']) {
      cluster.server.put(`${modelsPath}/llama`, { spec: { ...goodSpec('llama'), scale: { [key]: 'many' } } });
      await expect.poll(faults).toEqual([`spec.scale.${key}`]);
      expect(told.at(-1)!.models).toEqual(before);
    }
    cluster.server.put(`${modelsPath}/llama`, { spec: { ...goodSpec('llama'), scale: { max: 7 } } });
    await expect.poll(faulty).toEqual([]);
    expect(told.at(-1)!.models[0]!.settings.revision.scale.max).toBe(7);
    cluster.server.delete(`${modelsPath}/llama`);
    await expect.poll(keys).toEqual([]);
    cluster.server.put(`${modelsPath}/llama`, { spec: { scale: { max: 'many' } } });
    await expect.poll(faulty).toEqual(['model llm/llama']);
    expect(keys()).toEqual([]);
  });

  it('leaves out a workload whose controller handed the annotation down', async () => {
    const owner = (apiVersion: string) => ({ ownerReferences: [{ controller: true, apiVersion }] });
    const annotations = { 'pilotlight.dev/model': 'x' };
    cluster.server.put(`${deploymentsPath}/made`, annotated(annotations, owner('serving.kserve.io/v1beta1')));
    cluster.server.put(`${deploymentsPath}/own`, annotated(annotations, owner('example.com/v1')));
    const { discovery, keys } = start(cluster);
    await discovery.settled(10_000, signal);
    expect(keys()).toEqual(['annotation Deployment llm/own']);
  });

  it('keeps what it knew while the server is away, and takes up what came meanwhile', async () => {
    cluster.server.put(`${modelsPath}/llama`, { spec: goodSpec('llama') });
    const { discovery, told, keys } = start(cluster);
    await discovery.settled(10_000, signal);
    await cluster.server.down();
    cluster.server.put(`${modelsPath}/next`, { spec: goodSpec('next') });
    await cluster.server.up();
    await expect.poll(keys).toEqual(['model llm/llama', 'model llm/next']);
    expect(told.length).toBe(2);
  });

  it('says why when it is not settled in time, and settles when the server comes', async () => {
    cluster.server.put(`${modelsPath}/llama`, { spec: goodSpec('llama') });
    cluster.server.fault({ kind: 'forbid', resource: 'deployments' });
    const end = cluster.server.fault({ kind: 'status', status: 500, resource: 'models' });
    const { discovery, faults, keys } = start(cluster);
    expect(await discovery.settled(300, signal)).toBe(false);
    expect(discovery.isSettled).toBe(false);
    expect(faults.some((fault) => fault.includes('not all known after 300 ms: Model: '))).toBe(true);
    expect(faults.filter((fault) => fault.startsWith('cannot watch Deployment in llm')).length).toBe(1);
    end();
    await expect.poll(keys).toEqual(['model llm/llama']);
    await expect.poll(() => discovery.isSettled).toBe(true);
  });

  it('starts without the Model kind, says so once, and finds it when it is installed', async () => {
    cluster.server.put(`${modelsPath}/llama`, { spec: goodSpec('llama') });
    let isInstalled = false;
    let lookUps = 0;
    const resources: Resources = {
      async find(ref, findSignal) {
        if (ref.kind === 'Model') lookUps++;
        return ref.kind === 'Model' && !isInstalled ? null : cluster.resources.find(ref, findSignal);
      },
    };
    const { discovery, faults, keys } = start({ ...cluster, resources }, { missingRetryMs: 20 });
    expect(await discovery.settled(10_000, signal)).toBe(true);
    expect(keys()).toEqual([]);
    await expect.poll(() => lookUps).toBeGreaterThan(3);
    expect(faults).toEqual(['the cluster has no Model (pilotlight.dev/v1alpha1); it is looked for again']);
    isInstalled = true;
    await expect.poll(keys).toEqual(['model llm/llama']);
  });

  it('shares the watch of a kind with who mirrors it otherwise', async () => {
    cluster.server.put(`${deploymentsPath}/w`, {
      metadata: { annotations: { 'pilotlight.dev/model': 'w' } },
    });
    const { mirror, release } = cluster.mirrors.use({
      path: deploymentsPath,
      project: (object) => (object as { metadata: SourceObject }).metadata,
    });
    await mirror.synced(5_000, signal);
    const rig = start(cluster);
    await rig.discovery.settled(10_000, signal);
    await expect.poll(() => cluster.server.watchCount(deploymentsPath)).toBe(1);
    expect(rig.discovery.objectOf('annotation Deployment llm/w')?.name).toBe('w');
    expect(rig.discovery.objectOf('annotation StatefulSet llm/w')).toBeUndefined();
    expect([...mirror.list()].map(({ name }) => name)).toEqual(['w']);
    release();
  });
});
