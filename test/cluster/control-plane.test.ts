import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerPort, control, deployment, TestNamespace } from './support/cluster.ts';
import { hasSuite, kubectl } from './support/kubectl.ts';

interface Slice {
  endpoints?: {
    addresses: string[];
    conditions: { ready: boolean; serving: boolean; terminating: boolean };
  }[];
}

interface Pod {
  status: { conditions?: { type: string; reason?: string; message?: string }[] };
}

let place: TestNamespace;
const endpoints = () => place.list<Slice>('endpointslices').flatMap((slice) => slice.endpoints ?? []);
const ready = () => endpoints().filter(({ conditions }) => conditions.ready);

describe.runIf(hasSuite)('the control plane of the suite', () => {
  beforeEach(() => {
    place = new TestNamespace();
  });
  afterEach(() => place.close());

  it('brings a scaled Deployment to a ready endpoint that answers chat', async () => {
    place.apply(deployment({ name: 'llama' }));
    place.scale('llama', 1);
    await expect.poll(ready).toHaveLength(1);
    const url = `http://${ready()[0]!.addresses[0]}:${containerPort}/v1/chat/completions`;
    const body = JSON.stringify({ model: 'llama', messages: [{ role: 'user', content: 'hello' }] });
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toHaveProperty('choices.0.message.content');
  });

  it('keeps the ninth pod pending on a node with eight GPUs', async () => {
    const onOneNode = { nodeSelector: { 'kubernetes.io/hostname': 'gpu-0' } };
    place.apply(deployment({ name: 'large', replicas: 9, gpus: 1, pod: onOneNode }));
    await expect.poll(ready).toHaveLength(8);
    const unplaced = place
      .list<Pod>('pods')
      .flatMap(({ status }) => status.conditions ?? [])
      .filter(({ reason }) => reason === 'Unschedulable');
    expect(unplaced).toHaveLength(1);
    expect(unplaced[0]!.message).toMatch(/^0\/2 nodes are available: .*1 Insufficient nvidia\.com\/gpu/);
  });

  it('says that an endpoint ends while it still serves', async () => {
    place.apply(deployment({ name: 'draining', replicas: 1, script: { 'drain-ms': 3_000 } }));
    await expect.poll(ready).toHaveLength(1);
    place.scale('draining', 0);
    const ending = { ready: false, serving: true, terminating: true };
    await expect.poll(() => endpoints()[0]?.conditions).toEqual(ending);
    const { addresses } = endpoints()[0]!;
    expect((await fetch(`http://${addresses[0]}:${containerPort}/health`)).status).toBe(200);
    await expect.poll(endpoints).toHaveLength(0);
  });

  it('goes on after the API server was killed', async () => {
    place.apply(deployment({ name: 'llama' }));
    await control('apiserver/kill');
    try {
      expect(kubectl(['get', 'namespaces']).status).not.toBe(0);
    } finally {
      await control('apiserver/start');
    }
    place.scale('llama', 1);
    await expect.poll(ready).toHaveLength(1);
  });

  it('refuses a watch from before a compaction, as expired', async () => {
    const list = JSON.parse(place.kubectl(['get', 'pods', '-o', 'json', '--chunk-size=0'])) as object;
    expect(list).toHaveProperty('items');
    place.apply(deployment({ name: 'llama' }));
    await control('etcd/compact');
    await control('apiserver/kill');
    await control('apiserver/start');
    const path = `/api/v1/namespaces/${place.name}/pods?watch=1&timeoutSeconds=2&resourceVersion=1`;
    expect(place.kubectl(['get', '--raw', path])).toContain('"reason":"Expired"');
  });
});
