import { afterEach, describe, expect, it } from 'vitest';
import { StatusLog } from '../conformance/status-log.ts';
import { KubeWorkload, podObject, podsPath } from '../support/kube-workload.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const { metadata, spec, status } = podObject('web-0', { ip: '198.18.0.5' });
const ofReplicaSet = [{ kind: 'ReplicaSet', name: 'web-5f7c', uid: 'rs', controller: true }];

/** A pod as a cluster keeps it for days after its end, its old address in it. */
const ended = (reason: string, message: string) => ({
  metadata: { ...metadata, uid: 'u-1', ownerReferences: ofReplicaSet },
  spec,
  status: {
    ...status,
    phase: 'Failed',
    reason,
    message,
    conditions: [{ type: 'Ready', status: 'False' }],
    containerStatuses: [],
  },
});
const evicted = ended('Evicted', 'The node was low on resource: memory. ');
const rejected = ended('UnexpectedAdmissionError', 'Pod was rejected: no healthy devices');

async function begin(prepare: (workload: KubeWorkload) => void) {
  const workload = await KubeWorkload.start({ isPlaying: false, replicas: 1 });
  prepare(workload);
  const log = new StatusLog(workload.driver, workload.target);
  closers.push(
    () => workload.close(),
    () => log.stop(),
  );
  await log.find(({ isStale }) => isStale !== true);
  return { workload, log };
}

const putServing = (workload: KubeWorkload) => {
  const running = { metadata: { ...metadata, uid: 'u-1', ownerReferences: ofReplicaSet }, spec, status };
  workload.server.put(`${podsPath}/web-0`, running);
};

describe('a pod that has ended and that the cluster keeps', () => {
  it('gets no request once it was evicted, and is no replica a moment later', async () => {
    const { workload, log } = await begin(putServing);
    expect((await log.settled(1))[0]!.phase).toBe('running');
    workload.server.put(`${podsPath}/web-0`, evicted);
    const { replicas } = await log.find((told) => told.replicas.some(({ phase }) => phase !== 'running'));
    const words = 'evicted: The node was low on resource: memory.';
    expect(replicas.map(({ phase, reason }) => [phase, reason])).toEqual([['stopping', words]]);
    await expect.poll(() => log.last.replicas, { timeout: 5_000 }).toEqual([]);
    expect(workload.server.list(podsPath)).toHaveLength(1);
  });

  it.each([
    ['evicted', evicted],
    ['rejected by its node', rejected],
  ])('is no replica for a gateway that starts afterwards: %s', async (_, pod) => {
    const { workload, log } = await begin((prepared) => prepared.server.put(`${podsPath}/web-0`, pod));
    const changed = {
      ...pod,
      metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, seen: 'yes' } },
    };
    workload.server.put(`${podsPath}/web-0`, changed);
    workload.server.put(`${podsPath}/web-1`, podObject('web-1', { ip: '198.18.0.6' }));
    const replicas = await log.settled(1);
    expect(replicas.map(({ origin }) => origin)).toEqual(['http://198.18.0.6:8000']);
    expect(log.statuses.flatMap((told) => told.replicas).filter(({ id }) => id.includes('web-0'))).toEqual(
      [],
    );
  });

  it('is told where it is seen to be rejected, also where it was never seen before', async () => {
    const { workload, log } = await begin(() => undefined);
    workload.server.put(`${podsPath}/web-0`, rejected);
    const { replicas } = await log.find((told) => told.replicas.length === 1);
    expect(replicas[0]).toMatchObject({ phase: 'exited', fault: 'admission' });
  });
});
