import { afterEach, describe, expect, it } from 'vitest';
import { StatusLog } from '../../conformance/status-log.ts';
import { deploymentPath, KubeWorkload, podObject, podsPath } from '../../support/kube-workload.ts';

const { signal } = new AbortController();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function begin(options: Parameters<typeof KubeWorkload.start>[0] = {}) {
  const workload = await KubeWorkload.start(options);
  const log = new StatusLog(workload.driver, workload.target);
  closers.push(
    () => workload.close(),
    () => log.stop(),
  );
  const scale = (replicas: number, victims: readonly string[] = []) =>
    workload.driver.scale(workload.target, { replicas, victims }, signal);
  return { workload, log, scale };
}

const idsOf = (replicas: readonly { readonly id: string }[]) => replicas.map(({ id }) => id);
const costPatches = ({ server }: KubeWorkload) =>
  server.requests.filter(({ verb, resource }) => verb === 'patch' && resource === 'pods');

describe('the kubernetes driver, scaling', () => {
  it('makes fifty calls at once one write, with the version that it was decided on', async () => {
    const { workload, log, scale } = await begin();
    await log.find(({ isStale }) => isStale !== true);
    const { resourceVersion } = workload.server.get(deploymentPath)!.metadata;
    await Promise.all(Array.from({ length: 50 }, () => scale(3)));
    await log.settled(3);
    expect(workload.writes.map(({ body }) => body)).toEqual([
      { metadata: { resourceVersion }, spec: { replicas: 3 } },
    ]);
  });

  it('tells the count before the call resolves', async () => {
    const { log, scale } = await begin();
    await log.find(({ isStale }) => isStale !== true);
    await scale(2);
    expect(log.last.desired).toBe(2);
  });

  it('ends the named victims of a Deployment, whichever they are', async () => {
    const { workload, log, scale } = await begin();
    await scale(4);
    const ids = idsOf(await log.settled(4));
    await scale(2, [ids[1]!, ids[2]!]);
    expect(idsOf(await log.settled(2))).toEqual([ids[0], ids[3]]);
    expect(log.last.removal).toBe('victims');
    expect(costPatches(workload)).toHaveLength(2);
  });

  it('ends nobody in the place of a victim whom a gateway marked that led before', async () => {
    const { workload, log, scale } = await begin();
    await scale(3);
    const ids = idsOf(await log.settled(3));
    const [first] = workload.pods;
    const annotations = { 'controller.kubernetes.io/pod-deletion-cost': '-100' };
    const metadata = { ...first!.metadata, annotations };
    // Its other address shows when the mark has been seen.
    const status = { ...first!.status, podIP: '127.0.0.2' };
    workload.server.put(`${podsPath}/${metadata.name}`, { ...first, metadata, status });
    await expect.poll(() => log.last.replicas.map(({ origin }) => origin).join()).toContain('127.0.0.2');
    await scale(2, [ids[2]!]);
    expect(idsOf(await log.settled(2))).toEqual([ids[0], ids[1]]);
  });

  it('takes the mark of a victim back when the count is raised again before it ended', async () => {
    const { workload, log, scale } = await begin();
    await scale(2);
    const [victim] = idsOf(await log.settled(2));
    workload.isPlaying = false;
    await scale(1, [victim!]);
    await scale(2);
    await expect.poll(() => costPatches(workload).length).toBe(2);
    await expect
      .poll(() => workload.pods.filter(({ metadata }) => Object.keys(metadata.annotations ?? {}).length > 0))
      .toEqual([]);
  });

  it('without the right to mark pods lowers nothing, and then says that anybody may end', async () => {
    const { workload, log, scale } = await begin();
    await scale(2);
    const [victim] = idsOf(await log.settled(2));
    workload.server.fault({ kind: 'forbid', verb: 'patch', resource: 'pods' });
    await expect(scale(1, [victim!])).rejects.toThrow('patch on pods is not granted');
    const status = await log.find(({ removal }) => removal === 'unknown');
    expect(status.conditions?.map(({ type }) => type)).toEqual(['NoDeletionCost']);
    await scale(1, [victim!]);
    await log.settled(1);
  });

  it('lowers nothing while the cluster is not seen, and forgets no replica', async () => {
    const { workload, log, scale } = await begin();
    await scale(2);
    const ids = idsOf(await log.settled(2));
    await workload.server.down();
    const stale = await log.find((status) => status.isStale === true && status.replicas.length > 0);
    expect(idsOf(stale.replicas)).toEqual(ids);
    await expect(scale(0)).rejects.toThrow();
    await workload.server.up();
    await scale(2);
    expect(workload.count).toBe(2);
  }, 30_000);

  it('tells a count that somebody else set, and leaves it', async () => {
    const { workload, log, scale } = await begin();
    await scale(1);
    await log.settled(1);
    workload.putCount(3);
    await log.find(({ desired }) => desired === 3);
    await log.settled(3);
    expect(workload.count).toBe(3);
  });

  it('takes the same workload by another of its names for the same, and goes on as before', async () => {
    const { workload, log, scale } = await begin();
    await scale(1);
    const ids = idsOf(await log.settled(1));
    const scaleTarget = { apiVersion: 'apps/v1', kind: 'deployments', name: 'web' };
    workload.backend = { ...workload.backend, scaleTarget };
    const listed = workload.server.requests.filter(({ verb }) => verb === 'list').length;
    await scale(2);
    expect(log.last.desired).toBe(2);
    expect(idsOf(await log.settled(2))).toContain(ids[0]);
    expect(workload.server.requests.filter(({ verb }) => verb === 'list')).toHaveLength(listed);
  });

  it('names who sets the count back twice, with the remedy', async () => {
    const { workload, log, scale } = await begin();
    for (const count of [2, 3]) {
      await scale(count);
      await log.settled(count);
      workload.putCount(1, 'argocd-controller');
      await log.find(({ desired }) => desired === 1);
      await log.settled(1);
    }
    await expect.poll(() => log.last.conditions).toBeDefined();
    expect(log.last.conditions).toEqual([
      {
        type: 'ReplicasContested',
        message: expect.stringMatching(/"argocd-controller" sets spec.replicas back: .*ignoreDifferences/),
      },
    ]);
  });

  it('tells what to grant when writing is forbidden, and heals with the next call that is not', async () => {
    const { workload, log, scale } = await begin();
    const heal = workload.server.fault({ kind: 'forbid', verb: 'patch', resource: 'deployments/scale' });
    await expect(scale(1)).rejects.toThrow(
      /a Role must grant it: .*cannot patch resource "deployments\/scale"/,
    );
    await log.find(({ fault }) => fault === 'forbidden');
    heal();
    await scale(1);
    await log.settled(1);
    expect(log.last.failure).toBeUndefined();
  });

  it('refuses what a HorizontalPodAutoscaler owns, until that is deleted', async () => {
    const { workload, log, scale } = await begin();
    const path = '/apis/autoscaling/v2/namespaces/llm/horizontalpodautoscalers/web';
    const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } };
    workload.server.put(path, { spec });
    await log.find(({ fault }) => fault === 'contended');
    await expect(scale(1)).rejects.toThrow('set scale.owner: external');
    workload.server.delete(path);
    await expect.poll(() => log.last.fault).toBeUndefined();
    await scale(1);
    await log.settled(1);
  });

  it('takes nothing for known before it has seen whether an autoscaler owns the count, or may not', async () => {
    const autoscalers = { verb: 'list', resource: 'horizontalpodautoscalers' } as const;
    const workload = await KubeWorkload.start();
    closers.push(() => workload.close());
    const path = '/apis/autoscaling/v2/namespaces/llm/horizontalpodautoscalers/web';
    const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } };
    workload.server.put(path, { spec });
    workload.server.fault({ kind: 'delay', ...autoscalers, delayMs: 300 });
    const log = new StatusLog(workload.driver, workload.target);
    expect(await log.find(({ isStale }) => isStale !== true)).toMatchObject({ fault: 'contended' });
    await log.stop();
    workload.server.heal();
    workload.server.delete(path);
    workload.server.fault({ kind: 'forbid', ...autoscalers });
    const denied = new StatusLog(workload.driver, workload.target);
    closers.push(() => denied.stop());
    await denied.find(({ isStale, failure }) => isStale !== true && failure === undefined);
  });

  it('says which of its watches is not open', async () => {
    const { workload, log } = await begin({ backend: { service: 'web' } });
    await log.find(({ isStale }) => isStale !== true);
    workload.server.fault({ kind: 'forbid', resource: 'endpointslices' });
    workload.server.cutWatches();
    const isTold = ({ conditions = [] }: typeof log.last) =>
      conditions.some(({ type, message }) => type === 'Stale' && message.includes('endpointslices'));
    await log.find(isTold);
  });

  it('raises what others own from 0 to 1 alone', async () => {
    const { workload, log, scale } = await begin({ backend: { owner: 'external' } });
    await scale(3);
    await log.settled(1);
    await scale(0);
    expect(workload.count).toBe(1);
  });

  it('tells that the workload is missing, and sees it when it comes', async () => {
    const { workload, log, scale } = await begin({ replicas: null });
    await log.find(({ fault }) => fault === 'missing');
    await expect(scale(1)).rejects.toThrow('not found');
    workload.putCount(0);
    await expect.poll(() => log.last.failure).toBeUndefined();
    await scale(1);
    await log.settled(1);
  });

  it('writes nothing without the lease', async () => {
    const { workload, log, scale } = await begin();
    workload.leadership.lose();
    await expect(scale(1)).rejects.toThrow('does not lead: the lease is held by another');
    expect(workload.writes).toEqual([]);
    expect(log.last.failure).toBeUndefined();
  });

  it('drains the highest ordinals of a StatefulSet, and refuses to lower past another', async () => {
    const path = '/apis/apps/v1/namespaces/llm/statefulsets/web';
    const scaleTarget = { apiVersion: null, kind: 'sts', name: 'web' };
    const { workload, log, scale } = await begin({
      path,
      replicas: 3,
      isPlaying: false,
      backend: { scaleTarget },
    });
    const labelsOf = (ordinal: number) => ({ 'apps.kubernetes.io/pod-index': String(ordinal) });
    for (const n of [0, 1, 2])
      workload.server.put(`${podsPath}/web-${n}`, podObject(`web-${n}`, { labels: labelsOf(n) }));
    await log.find(({ replicas, isStale }) => replicas.length === 3 && isStale !== true);
    await expect.poll(() => log.last.replicas.map(({ ordinal }) => ordinal)).toEqual([0, 1, 2]);
    const ids = idsOf(log.last.replicas.toSorted((a, b) => a.ordinal! - b.ordinal!));
    expect(log.last.removal).toBe('highest-ordinal');
    await expect(scale(2, [ids[0]!])).rejects.toThrow('pod "web-0" is not among the 1 highest');
    await scale(2, [ids[2]!]);
    expect([workload.count, costPatches(workload)]).toEqual([2, []]);
  });
});
