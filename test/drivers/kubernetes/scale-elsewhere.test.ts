import { afterEach, describe, expect, it } from 'vitest';
import { StatusLog } from '../../conformance/status-log.ts';
import { KubeWorkload } from '../../support/kube-workload.ts';

const { signal } = new AbortController();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A workload of a kind of which only the subresource `scale` is known. */
async function begin() {
  const workload = await KubeWorkload.start({
    path: '/apis/example.dev/v1/namespaces/llm/engines/web',
    kinds: [{ apiVersion: 'example.dev/v1', kind: 'Engine', plural: 'engines', hasScale: true }],
    backend: { scaleTarget: { apiVersion: 'example.dev/v1', kind: 'Engine', name: 'web' } },
  });
  const log = new StatusLog(workload.driver, workload.target);
  closers.push(
    () => workload.close(),
    () => log.stop(),
  );
  const scale = (replicas: number) => workload.driver.scale(workload.target, { replicas }, signal);
  const typesNow = () => log.last.conditions?.map(({ type }) => type) ?? [];
  return { workload, log, scale, typesNow };
}

describe('a workload whose count stands anywhere', () => {
  it('has failed no start while its scale cannot be read for a moment: that is told, and passes', async () => {
    const { workload, log, scale, typesNow } = await begin();
    await scale(1);
    await log.settled(1);
    workload.server.fault({ kind: 'reset', verb: 'get', resource: 'engines/scale', times: 1 });
    workload.putCount(2);
    await expect.poll(typesNow).toEqual(['ScaleUnread']);
    expect(log.last.failure).toBeUndefined();
    await log.settled(2);
    await expect.poll(typesNow).toEqual([]);
    expect(log.last).toMatchObject({ desired: 2 });
    expect(log.statuses.filter(({ failure }) => failure !== undefined)).toEqual([]);
  });

  it('has failed to start while its scale may not be read, until it may', async () => {
    const { workload, log } = await begin();
    const heal = workload.server.fault({ kind: 'forbid', verb: 'get', resource: 'engines/scale' });
    workload.putCount(1);
    await log.find(({ fault }) => fault === 'forbidden');
    heal();
    await expect.poll(() => log.last.failure, { timeout: 5_000 }).toBeUndefined();
    await log.settled(1);
  });

  it('names who sets the count back twice', async () => {
    const { workload, log, scale, typesNow } = await begin();
    for (const count of [2, 3]) {
      await scale(count);
      await log.settled(count);
      workload.putCount(1, 'argocd-controller');
      await log.find(({ desired }) => desired === 1);
      await log.settled(1);
    }
    await expect.poll(typesNow).toEqual(['ReplicasContested']);
    expect(log.last.conditions![0]!.message).toContain('"argocd-controller" sets spec.replicas back');
  });
});
