import { afterEach, describe, expect, it } from 'vitest';
import { StatusLog } from '../../conformance/status-log.ts';
import { KubeWorkload, podObject, podsPath } from '../../support/kube-workload.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const slicePath = '/apis/discovery.k8s.io/v1/namespaces/llm/endpointslices/web-1';

function sliceObject(endpoints: readonly object[]) {
  const metadata = { name: 'web-1', namespace: 'llm', labels: { 'kubernetes.io/service-name': 'web' } };
  return { metadata, addressType: 'IPv4', ports: [{ name: '', port: 8_000, protocol: 'TCP' }], endpoints };
}

async function begin() {
  const workload = await KubeWorkload.start({ isPlaying: false, backend: { service: 'web' } });
  const log = new StatusLog(workload.driver, workload.target);
  closers.push(
    () => workload.close(),
    () => log.stop(),
  );
  await log.find(({ isStale }) => isStale !== true);
  return { workload, log };
}

describe('the kubernetes driver, with a Service', () => {
  it('takes a terminating endpoint out before its pod says so', async () => {
    const { workload, log } = await begin();
    const { metadata } = workload.server.put(`${podsPath}/web-0`, podObject('web-0', { ip: '198.18.0.5' }));
    const endpoint = {
      addresses: ['198.18.0.5'],
      targetRef: { kind: 'Pod', name: 'web-0', uid: metadata.uid },
    };
    workload.server.put(slicePath, sliceObject([{ ...endpoint, conditions: { ready: true } }]));
    await log.settled(1);
    const conditions = { ready: false, serving: true, terminating: true };
    workload.server.put(slicePath, sliceObject([{ ...endpoint, conditions }]));
    await log.find(({ replicas }) => replicas[0]?.phase === 'stopping');
  });

  it('takes addresses that stand for no pod as replicas', async () => {
    const { workload, log } = await begin();
    workload.server.put(slicePath, sliceObject([{ addresses: ['198.18.0.9'], conditions: { ready: true } }]));
    const [replica] = await log.settled(1);
    expect(replica).toMatchObject({ id: 'web/default@198.18.0.9:8000', origin: 'http://198.18.0.9:8000' });
    workload.server.delete(slicePath);
    await expect.poll(() => log.last.replicas).toEqual([]);
  });
});
