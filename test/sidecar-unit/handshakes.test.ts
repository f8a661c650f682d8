import { describe, expect, it } from 'vitest';
import { FakeRequest } from './fake-lane.ts';
import { createRig } from './rig.ts';

const agents = ['kube-probe/1.32', 'Knative-Activator-Probe', 'Knative-Autoscaling-Probe'];

async function ask(fields: string[], rig = createRig()): Promise<FakeRequest> {
  const request = new FakeRequest(fields, { target: '/anything' }).enter(rig.traffic);
  await rig.clock.settle();
  return request;
}

describe.each(agents)('a probe of %s', (agent) => {
  it('is answered with the name of the queue when the app is ready', async () => {
    const { answered } = await ask(['user-agent', agent, 'k-network-probe', 'queue']);
    expect(answered).toEqual({
      status: 200,
      fields: ['content-type', 'text/plain; charset=utf-8'],
      body: 'queue',
    });
  });

  it('is answered with 503 and nothing else when it is not', async () => {
    const rig = createRig({ isReady: async () => false });
    const { answered } = await ask(['user-agent', agent, 'k-network-probe', 'queue'], rig);
    expect(answered).toEqual({ status: 503, fields: [], body: '' });
  });

  it.each([
    [['k-network-probe', 'probe'], 'unexpected probe header value: probe\n'],
    [[], 'unexpected probe header value: \n'],
  ])('is refused with %j', async (fields, body) => {
    const { answered } = await ask(['user-agent', agent, ...fields]);
    expect(answered).toMatchObject({ status: 400, body });
  });

  it('is told of the end when the pod shuts down', async () => {
    const rig = createRig();
    void rig.drainer.drain();
    const { answered } = await ask(['user-agent', agent, 'k-network-probe', 'queue'], rig);
    expect(answered).toMatchObject({ status: 503, body: 'shutting down\n' });
  });
});

describe('a probe of the network', () => {
  it('gets its hash back', async () => {
    const { answered } = await ask(['k-network-probe', 'probe', 'k-network-hash', 'abc']);
    expect(answered).toEqual({ status: 200, fields: ['k-network-hash', 'abc'], body: '' });
  });

  it('is refused without a hash', async () => {
    const { answered } = await ask(['k-network-probe', 'probe']);
    const body = 'a probe request must contain a non-empty "K-Network-Hash" header\n';
    expect(answered).toMatchObject({ status: 400, body });
  });

  it('is told of the end when the pod shuts down', async () => {
    const rig = createRig();
    void rig.drainer.drain();
    const { answered } = await ask(['k-network-probe', 'probe', 'k-network-hash', 'abc'], rig);
    expect(answered).toMatchObject({ status: 503, body: 'shutting down\n' });
  });
});

describe('what looks like a probe and is none', () => {
  it.each([
    [['k-network-probe', 'queue']],
    [['user-agent', 'my kube-probe/1', 'k-network-probe', 'queue']],
    [['user-agent', 'Knative-Queue-Proxy-Probe']],
  ])('goes to the app: %j', async (fields) => {
    const request = await ask(fields);
    expect(request.outbound).not.toBeNull();
  });
});

describe('probes and the rest', () => {
  it('do not keep a drain from ending, and requests do', async () => {
    const rig = createRig();
    let isOver = false;
    void rig.drainer.drain().then(() => {
      isOver = true;
    });
    await rig.clock.advance(29_000);
    await ask(['user-agent', 'kube-probe/1.32', 'k-network-probe', 'queue'], rig);
    await ask([], rig);
    await rig.clock.advance(29_900);
    expect(isOver).toBe(false);
    await rig.clock.advance(200);
    expect(isOver).toBe(true);
  });

  it('count neither in the statistics nor at the gate, where they are for the app itself', async () => {
    const rig = createRig({ concurrency: 1 });
    await ask([], rig);
    const probe = await ask(['k-kubelet-probe', 'queue', 'k-original-host', 'other.example.com'], rig);
    expect(probe.outbound).toMatchObject({ authority: 'app.example.com' });
    expect(probe.outbound!.fields).toContain('k-original-host');
    expect([rig.gate.inFlight, rig.gate.waiting]).toEqual([1, 0]);
    probe.end('answered');
    await rig.clock.advance(1_000);
    expect(rig.stats.report(rig.clock.nowMs())?.requestsPerSecond).toBe(1);
    expect(rig.ended).toMatchObject([{ isProbe: true }]);
  });
});
