import { afterEach, expect, it } from 'vitest';
import { StatusLog } from '../../conformance/status-log.ts';
import { deploymentPath, KubeWorkload } from '../../support/kube-workload.ts';

const { signal } = new AbortController();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

it('names who sets the count back when only a write meets it, twice', async () => {
  const workload = await KubeWorkload.start({ isPlaying: false });
  const log = new StatusLog(workload.driver, workload.target);
  closers.push(
    () => workload.close(),
    () => log.stop(),
  );
  const { server, driver, target } = workload;
  await log.find(({ isStale }) => isStale !== true);
  for (const count of [2, 4]) {
    await driver.scale(target, { replicas: count }, signal);
    await expect.poll(() => log.last.desired).toBe(count);
    server.fault({ kind: 'delay', verb: 'patch', resource: 'deployments/scale', delayMs: 300, times: 1 });
    const before = workload.writes.length;
    const write = driver.scale(target, { replicas: count + 1 }, signal);
    await expect.poll(() => workload.writes.length).toBe(before + 1);
    workload.putCount(1, 'argocd-controller');
    await write;
    await expect.poll(() => [log.last.desired, server.get(deploymentPath)?.spec?.replicas]).toEqual([1, 1]);
  }
  await expect
    .poll(() => log.last.conditions)
    .toEqual([
      {
        type: 'ReplicasContested',
        message: expect.stringMatching(/"argocd-controller" sets spec.replicas back/),
      },
    ]);
});
