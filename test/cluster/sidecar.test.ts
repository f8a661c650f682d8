import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawClient, rawRequest } from '../support/raw-client.ts';
import { TestNamespace } from './support/cluster.ts';
import { type RevisionOptions, revision } from './support/revision.ts';

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface Event {
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly name: string };
}

let place: TestNamespace;

beforeEach(async () => {
  place = new TestNamespace();
  const accounts = () => place.list<Pod>('serviceaccounts').map(({ metadata }) => metadata.name);
  await expect.poll(accounts).toContain('default');
});
afterEach(() => place.close());

const pods = () => place.list<Pod>('pods');
const living = () => pods().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
const addressOf = (pod: Pod | undefined) => pod?.status.podIP ?? '';
const isReady = (pod: Pod | undefined) =>
  pod?.status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';

/** Its only pod, once that has an address. */
async function deploy(options: Partial<RevisionOptions> = {}): Promise<Pod> {
  const standard = { name: 'hello-00001', concurrency: 10, timeoutSeconds: 300, loadMs: 0 };
  place.apply([revision({ ...standard, ...options })]);
  await expect.poll(() => addressOf(living()[0]), { timeout: 30_000 }).not.toBe('');
  return living()[0]!;
}

/** What the activator is told that asks the sidecar whether the app is ready; 0: nobody listens. */
async function probed(address: string): Promise<number> {
  const client = new RawClient(`http://${address}:8012`, 'GET');
  const fields = 'user-agent: Knative-Activator-Probe\r\nk-network-probe: queue\r\n';
  const answer = await client
    .write(rawRequest('/healthz', null, fields, 'GET'))
    .answer()
    .catch(() => null);
  client.destroy();
  return answer?.status ?? 0;
}

const ask = (address: string, ms = 0) => fetch(`http://${address}:8012/?ms=${ms}`);

describe('a revision with the sidecar as its queue-proxy', () => {
  it('is ready when its app is, and serves at the limit on the ports of Knative', async () => {
    const beganAtMs = performance.now();
    const address = addressOf(await deploy({ loadMs: 4_000 }));
    // The sidecar is there long before.
    await expect.poll(() => probedWithin(address, 500)).toBe('waits');
    expect(isReady(living()[0])).toBe(false);
    await expect.poll(() => isReady(living()[0])).toBe(true);
    expect(performance.now() - beganAtMs).toBeGreaterThan(4_000);
    expect(await probed(address)).toBe(200);

    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(address, 50)));
    expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(200));
    for (const answer of answers) expect(await answer.text()).toContain('[DONE]');
    expect(await (await fetch(`http://${address}:8012/peak`)).text()).toBe('10');

    const stat = await fetch(`http://${address}:9090/metrics`);
    expect(Buffer.from(await stat.arrayBuffer()).toString('latin1')).toContain('hello-00001-deployment-');
    const metrics = await (await fetch(`http://${address}:9091/metrics`)).text();
    expect(metrics).toContain('kn_serving_invocation_duration_seconds_count');
  });

  it('refuses what does not fit into its queue', async () => {
    const address = addressOf(await deploy({ concurrency: 1 }));
    await expect.poll(() => isReady(living()[0])).toBe(true);
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(address, 100)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(11);
    expect(statuses.filter((status) => status === 503)).toHaveLength(19);
  });

  it('that is deleted ends a request of 35 s whole', { timeout: 120_000 }, async () => {
    const pod = await deploy();
    const address = addressOf(pod);
    await expect.poll(() => isReady(living()[0])).toBe(true);
    const long = await ask(address, 35_000);
    const text = long.text();
    place.kubectl(['delete', 'pod', pod.metadata.name, '--wait=false']);
    await expect.poll(() => probed(address)).toBe(503);
    // Whoever does not know yet that it ends is served.
    expect(await (await ask(address)).text()).toContain('[DONE]');
    // It is neither killed nor let go before its requests have ended.
    await pause(28_000);
    expect(pods().map(({ metadata }) => metadata.name)).toContain(pod.metadata.name);
    expect(await text).toMatch(/data: \[DONE\]\n\n$/);
    const names = () => pods().map(({ metadata }) => metadata.name);
    await expect.poll(names, { timeout: 20_000 }).not.toContain(pod.metadata.name);
    const ends = place
      .list<Event>('events')
      .filter(
        ({ reason, involvedObject }) => reason === 'Killing' && involvedObject.name === pod.metadata.name,
      );
    expect(ends.map(({ message }) => message).toSorted()).toEqual([
      'queue-proxy ended with 0',
      'user-container ended with 0',
    ]);
    // The one in its place serves.
    await expect.poll(() => isReady(living()[0])).toBe(true);
    expect((await ask(addressOf(living()[0]))).status).toBe(200);
  });
});

/** `waits`: the sidecar took the probe and has not found the app ready within the time. */
async function probedWithin(address: string, ms: number): Promise<number | 'waits'> {
  return await Promise.race([probed(address), pause(ms, 'waits' as const)]);
}
