import { afterEach, describe, expect, it } from 'vitest';
import { StatusLog } from '../../conformance/status-log.ts';
import { KubeWorkload, podObject, podsPath } from '../../support/kube-workload.ts';

const { signal } = new AbortController();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function begin(options: Parameters<typeof KubeWorkload.start>[0] = {}) {
  const workload = await KubeWorkload.start({ isPlaying: false, ...options });
  const log = new StatusLog(workload.driver, workload.target);
  closers.push(
    () => workload.close(),
    () => log.stop(),
  );
  await log.find(({ isStale }) => isStale !== true);
  const putPod = (name: string, changes: object = {}) =>
    workload.server.put(`${podsPath}/${name}`, { ...podObject(name, { ip: '198.18.0.5' }), ...changes });
  return { workload, log, putPod };
}

const meshed = { labels: { app: 'web', 'security.istio.io/tlsMode': 'istio' } };
const servicePath = '/api/v1/namespaces/llm/services/web';

describe('the kubernetes driver, watching', () => {
  it('tells of each pod of the selector, and of no other', async () => {
    const { workload, log, putPod } = await begin();
    workload.server.put(`${podsPath}/other`, podObject('other', { labels: { app: 'other' } }));
    putPod('web-0');
    const { replicas } = await log.find((status) => status.replicas.length > 0);
    expect(replicas.map(({ origin, phase }) => [origin, phase])).toEqual([
      ['http://198.18.0.5:8000', 'running'],
    ]);
    expect(replicas[0]!.id).toMatch(/^web\/default@web-0\/.{1,8}$/);
    expect(replicas[0]!.steps.map(({ name }) => name)).toContain('container started');
  });

  it('takes a pod that terminates out at once, and keeps it until it is gone', async () => {
    const { workload, log, putPod } = await begin();
    putPod('web-0');
    await log.settled(1);
    const pod = podObject('web-0', { ip: '198.18.0.5' });
    const { uid } = workload.server.get(`${podsPath}/web-0`)!.metadata;
    const metadata = { ...pod.metadata, uid, deletionTimestamp: '2026-01-01T00:00:00Z' };
    workload.server.put(`${podsPath}/web-0`, { ...pod, metadata });
    await log.find(({ replicas }) => replicas[0]?.phase === 'stopping');
    workload.server.delete(`${podsPath}/web-0`);
    await expect.poll(() => log.last.replicas).toEqual([]);
  });

  it('says that a start has failed for want of room when the capacity time-out has passed, and heals', async () => {
    const { workload, log, putPod } = await begin({ backend: { capacityTimeoutMs: 300 } });
    const message = '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.';
    const unplaced = {
      metadata: { ...podObject('web-0').metadata, uid: 'u-1' },
      spec: { containers: [{ name: 'main', image: 'web:1', ports: [{ containerPort: 8000 }] }] },
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
      },
    };
    workload.server.put(`${podsPath}/web-0`, unplaced);
    const early = await log.find(({ replicas }) => replicas.length === 1);
    expect([early.replicas[0]!.phase, early.replicas[0]!.fault]).toEqual(['starting', 'unschedulable']);
    const late = await log.find(({ replicas }) => replicas[0]?.phase === 'exited');
    expect(late.replicas[0]!.reason).toContain('Insufficient nvidia.com/gpu');
    putPod('web-0', { metadata: unplaced.metadata });
    expect((await log.settled(1))[0]!.fault).toBeUndefined();
  });

  it('tells what a controller says of a pod that it may not create, until the count is changed', async () => {
    const { workload, log } = await begin({ replicas: 1 });
    workload.server.put('/api/v1/namespaces/llm/events/e1', {
      involvedObject: { kind: 'ReplicaSet', name: 'web-5f7c', uid: 'rs' },
      type: 'Warning',
      reason: 'FailedCreate',
      message: 'Error creating: pods "web-5f7c-x" is forbidden: exceeded quota: gpus',
      lastTimestamp: '2026-01-01T00:00:00Z',
    });
    const { failure } = await log.find(({ fault }) => fault === 'quota');
    expect(failure).toContain('exceeded quota: gpus');
    await workload.driver.scale(workload.target, { replicas: 0 }, signal);
    await expect.poll(() => log.last.failure).toBeUndefined();
  });

  it('reaches pods of a mesh through their Service, at its own port, and others directly', async () => {
    const { workload, log, putPod } = await begin({ backend: { service: 'web' } });
    workload.server.put(servicePath, { spec: { ports: [{ port: 80, targetPort: 8000 }] } });
    putPod('web-0');
    expect((await log.settled(1))[0]!.origin).toBe('http://198.18.0.5:8000');
    expect(log.last.removal).toBe('victims');
    putPod('web-0', { metadata: { ...podObject('web-0').metadata, ...meshed } });
    await expect.poll(() => log.last.replicas[0]?.origin).toBe('http://web.llm.svc:80');
    expect(log.last.replicas[0]).toMatchObject({ probe: { kind: 'tcp' }, isReady: true, isShared: true });
    // Nobody knows which of them has which request.
    expect(log.last.removal).toBe('unknown');
  });

  it('tells that a mesh may refuse what goes straight to its pods, until their Service is named', async () => {
    const { workload, log, putPod } = await begin();
    putPod('web-0', { metadata: { ...podObject('web-0').metadata, ...meshed } });
    await expect.poll(() => log.last.conditions?.[0]?.type).toBe('MeshedWithoutService');
    expect(log.last.replicas[0]!.origin).toBe('http://198.18.0.5:8000');
    workload.backend = { ...workload.backend, route: 'pod' };
    await expect.poll(() => log.last.conditions, { timeout: 5_000 }).toBeUndefined();
    workload.backend = { ...workload.backend, route: 'auto', service: 'web' };
    await expect.poll(() => log.last.replicas[0]?.isShared, { timeout: 5_000 }).toBe(true);
    // The Service's slices are not seen yet.
    await expect.poll(() => log.last.conditions).toBeUndefined();
  });

  it('takes changed settings of the same workload in place', async () => {
    const { workload, log, putPod } = await begin();
    putPod('web-0');
    await log.settled(1);
    workload.backend = { ...workload.backend, port: 9_000 };
    await expect.poll(() => log.last.replicas[0]?.origin, { timeout: 5_000 }).toBe('http://198.18.0.5:9000');
  });

  it('asks a custom kind for its scale, and never names who ends', async () => {
    const kind = { apiVersion: 'example.dev/v1', kind: 'Engine', plural: 'engines', hasScale: true };
    const { workload, log } = await begin({
      path: '/apis/example.dev/v1/namespaces/llm/engines/web',
      kinds: [kind],
      isPlaying: true,
      backend: { scaleTarget: { apiVersion: 'example.dev/v1', kind: 'Engine', name: 'web' } },
    });
    await workload.driver.scale(workload.target, { replicas: 2 }, signal);
    await log.settled(2);
    expect(log.last).toMatchObject({ removal: 'unknown', desired: 2 });
  });

  it('counts the leaders of a LeaderWorkerSet, by the selector of its scale', async () => {
    const apiVersion = 'leaderworkerset.x-k8s.io/v1';
    const scaleTarget = { apiVersion: null, kind: 'LeaderWorkerSet', name: 'web' };
    const { workload, log } = await begin({
      path: `/apis/${apiVersion}/namespaces/llm/leaderworkersets/web`,
      kinds: [{ apiVersion, kind: 'LeaderWorkerSet', plural: 'leaderworkersets', hasScale: true }],
      replicas: 1,
      backend: { scaleTarget },
    });
    const leader = { 'leaderworkerset.sigs.k8s.io/group-index': '0' };
    workload.server.put(`${podsPath}/web-0`, podObject('web-0', { labels: leader }));
    workload.server.put(`${podsPath}/web-0-1`, podObject('web-0-1', { labels: { app: 'worker' } }));
    await log.settled(1);
    expect(log.last).toMatchObject({ removal: 'highest-ordinal', desired: 1, replicas: [{ ordinal: 0 }] });
  });

  it('tells of a kind that the cluster does not serve, and of one that has no scale', async () => {
    for (const [kind, words] of [
      ['Engine', 'the cluster serves no kind Engine'],
      ['DaemonSet', 'DaemonSet of apps/v1 has no scale subresource'],
    ]) {
      const scaleTarget = { apiVersion: null, kind: kind!, name: 'web' };
      const workload = await KubeWorkload.start({ backend: { scaleTarget } });
      const log = new StatusLog(workload.driver, workload.target);
      closers.push(
        () => workload.close(),
        () => log.stop(),
      );
      const { failure, fault } = await log.find((status) => status.failure !== undefined);
      expect(failure).toContain(words);
      expect(fault).toBe('missing');
    }
  });

  it('scales the predictor of an InferenceService in Standard mode, and refuses one of Knative', async () => {
    const kind = {
      apiVersion: 'serving.kserve.io/v1beta1',
      kind: 'InferenceService',
      plural: 'inferenceservices',
    };
    const scaleTarget = { apiVersion: null, kind: 'InferenceService', name: 'web' };
    const workload = await KubeWorkload.start({
      kinds: [kind],
      path: '/apis/apps/v1/namespaces/llm/deployments/web-predictor',
      backend: { scaleTarget },
    });
    const path = '/apis/serving.kserve.io/v1beta1/namespaces/llm/inferenceservices/web';
    workload.server.put(path, { status: { deploymentMode: 'Serverless' } });
    const log = new StatusLog(workload.driver, workload.target);
    closers.push(
      () => workload.close(),
      () => log.stop(),
    );
    const { failure, fault } = await log.find((status) => status.failure !== undefined);
    expect(failure).toContain('is in mode Serverless: only Standard can be scaled');
    expect(fault).toBe('contended');
    workload.server.put(path, { status: { deploymentMode: 'Standard' } });
    await expect.poll(() => log.last.failure, { timeout: 5_000 }).toBeUndefined();
    await workload.driver.scale(workload.target, { replicas: 1 }, signal);
    await log.settled(1);
  });

  it('has one watch per kind and namespace for many targets', async () => {
    const { workload, log } = await begin();
    const others = ['a', 'b', 'c'].map((model) => {
      const target = { ...workload.target, backend: workload.backend, id: `${model}/default`, model };
      return new StatusLog(workload.driver, target);
    });
    for (const other of others) await other.find(({ isStale }) => isStale !== true);
    expect(workload.server.watchCount(podsPath)).toBe(1);
    expect(log.last.isStale).toBeUndefined();
    await Promise.all(others.map((other) => other.stop()));
  });
});
