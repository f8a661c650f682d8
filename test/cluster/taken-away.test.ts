import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DeploymentOptions, deployment } from './support/cluster.ts';
import { mustKubectl } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  status: { phase: string; reason?: string };
}

let stage: Stage;
const pods = () => stage.place.list<Pod>('pods').filter(({ metadata }) => metadata.name.startsWith('llama-'));
const staying = () => pods().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
const running = () => staying().filter(({ status }) => status.phase === 'Running');
const place = (options: Partial<DeploymentOptions>) =>
  stage.place.apply(deployment({ name: 'llama', gpus: 0, ...options }));
const detail = async () => (await stage.view('llama')).detail;
const heartbeat = 'heartbeat: { stream: 100ms }';
const scriptOfPod = (name: string, text: string) =>
  stage.place.kubectl(['annotate', 'pod', name, `played.pilotlight.dev/${text}`, '--overwrite']);

beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.close());

describe('a pod of higher priority that takes the GPUs', { timeout: 120_000 }, () => {
  /** All eight GPUs of one node, so that no pod of another test is in the way. */
  const onOneNode = { nodeSelector: { 'kubernetes.io/hostname': 'gpu-1' } };
  let priority: string;

  const takeGpus = () => {
    const pod = { ...onOneNode, priorityClassName: priority };
    stage.place.apply(deployment({ name: 'training', replicas: 1, gpus: 8, pod }));
  };

  beforeEach(async () => {
    // Those of the test before may still be on their way out.
    const onNode = ['get', 'pods', '-A', '--field-selector', 'spec.nodeName=gpu-1', '-o', 'name'];
    await expect.poll(() => mustKubectl(onNode), { interval: 200 }).toBe('');
    priority = `high-${randomBytes(4).toString('hex')}`;
    mustKubectl(['create', 'priorityclass', priority, '--value=1000']);
  });
  afterEach(() => mustKubectl(['delete', 'priorityclass', priority]));

  it('is kept as the reason of the start that it ends, and who waits is served when they are free again', async () => {
    const script = { 'load-ms': 3_000, 'drain-ms': 2_000 };
    place({ gpus: 8, script, pod: onOneNode });
    await stage.serve({ name: 'llama', scale: 'idle: 1h, capacityTimeout: 60s', more: heartbeat });
    const waiter = stage.ask('llama', { stream: true });
    await expect.poll(() => running().length).toBe(1);
    takeGpus();
    await expect.poll(detail).toMatch(/^unschedulable: 0\/2 nodes are available: .*nvidia\.com\/gpu/);
    stage.place.scale('training', 0);
    const { status, text } = await waiter;
    expect(status).toBe(200);
    expect(text).toMatch(/\ndata: \[DONE\]\n\n$/);
    expect(text).toMatch(/: pilotlight .* detail="unschedulable: 0\/2 nodes are available: /);
    const [served, taken] = (await stage.view('llama')).lastStarts;
    expect(served).toMatchObject({ outcome: 'ready', reason: null });
    expect(taken).toMatchObject({ outcome: 'stopped', fault: 'preempted' });
    expect(taken?.reason).toMatch(/^preempted: .*preempting to accommodate a higher priority pod/);
    expect(stage.asked('llama')).toBe(1);
  });

  it('cuts no stream that ends within the grace of its pod, and who comes then is told that there is no room', async () => {
    place({
      gpus: 8,
      script: { 'drain-ms': 8_000 },
      pod: { ...onOneNode, terminationGracePeriodSeconds: 20 },
    });
    await stage.serve({ name: 'llama', scale: 'idle: 1h, capacityTimeout: 2s' });
    expect((await stage.ask('llama')).status).toBe(200);
    const stream = stage.ask('llama', { max_tokens: 4_000, ignore_eos: true, stream: true });
    await expect.poll(async () => (await stage.view('llama')).inFlight).toBe(1);
    takeGpus();
    const ready = async () => (await stage.view('llama')).replicas.filter(({ state }) => state === 'ready');
    await expect.poll(ready).toEqual([]);
    const late = await stage.ask('llama');
    expect(late).toMatchObject({ status: 503, code: 'no_capacity' });
    expect(late.message).toMatch(/nvidia\.com\/gpu/);
    const { status, text, isCut } = await stream;
    expect([status, isCut]).toEqual([200, false]);
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    stage.place.scale('training', 0);
    await expect.poll(async () => (await stage.ask('llama')).status).toBe(200);
  });
});

describe('a pod that is held back before scheduling, as Kueue does', () => {
  const gate = 'kueue.x-k8s.io/admission';
  const pod = { schedulingGates: [{ name: gate }] };
  const admit = () => {
    const patch = JSON.stringify([{ op: 'remove', path: '/spec/schedulingGates' }]);
    for (const { metadata } of staying()) {
      stage.place.kubectl(['patch', 'pod', metadata.name, '--type=json', '-p', patch]);
    }
  };

  it('is waited for with that reason, and served when its gate is taken away', async () => {
    place({ pod });
    await stage.serve({ name: 'llama', more: heartbeat });
    const waiter = stage.ask('llama', { stream: true });
    await expect.poll(detail).toBe(`held back before scheduling by ${gate}`);
    admit();
    const { status, text } = await waiter;
    expect(status).toBe(200);
    expect(text).toContain(`phase="pod created" detail="held back before scheduling by ${gate}"`);
    expect(text).toMatch(/\ndata: \[DONE\]\n\n$/);
    expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'ready' });
  });

  it('fails its start after ten seconds where capacityTimeout is shorter', async () => {
    place({ pod });
    await stage.serve({ name: 'llama', scale: 'idle: 1h, capacityTimeout: 0' });
    const answer = await stage.ask('llama');
    expect(answer).toMatchObject({ status: 503, code: 'no_capacity' });
    expect(answer.message).toContain(`held back before scheduling by ${gate}`);
    expect(answer.tookMs).toBeGreaterThan(10_000);
    expect(answer.tookMs).toBeLessThan(13_000);
    expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'failed', fault: 'gated' });
    await expect.poll(() => stage.asked('llama')).toBe(0);
  });
});

describe('a node under pressure', () => {
  it('that evicts a pod which starts costs nobody who waits: they get the pod that replaces it', async () => {
    place({ script: { 'load-ms': 3_000 } });
    await stage.serve({ name: 'llama' });
    const waiters = [1, 2, 3].map(() => stage.ask('llama'));
    await expect.poll(() => running().length).toBe(1);
    const [evicted] = running();
    scriptOfPod(evicted!.metadata.name, 'fault=evicted');
    const answers = await Promise.all(waiters);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const first = pods().find(({ metadata }) => metadata.name === evicted!.metadata.name);
    expect(first?.status).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
    const [served, taken] = (await stage.view('llama')).lastStarts;
    expect(served).toMatchObject({ outcome: 'ready', reason: null });
    expect(taken).toMatchObject({ outcome: 'stopped', reason: expect.stringMatching(/^evicted: /) });
    expect(stage.asked('llama')).toBe(1);
  });

  it('that evicts a pod which serves costs no request that comes after, and the pod that it keeps is no replica', async () => {
    place({});
    await stage.serve({ name: 'llama', scale: 'idle: 2s' });
    expect((await stage.ask('llama')).status).toBe(200);
    const [evicted] = running();
    const { name } = evicted!.metadata;
    scriptOfPod(name, 'fault=evicted');
    const replicas = async () => (await stage.view('llama')).replicas.map(({ id }) => id).join();
    await expect.poll(replicas).not.toContain(name);
    expect(await stage.ask('llama')).toMatchObject({ status: 200, message: '' });
    await expect.poll(async () => (await stage.view('llama')).state).toBe('cold');
    expect(pods().map(({ status }) => status.reason)).toContain('Evicted');
    await stage.quit();
    await stage.serve({ name: 'llama' });
    expect((await stage.ask('llama')).status).toBe(200);
    const { lastStarts } = await stage.view('llama');
    expect(lastStarts.map(({ outcome }) => outcome)).toEqual(['ready']);
  });
});
