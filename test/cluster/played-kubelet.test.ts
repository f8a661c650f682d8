import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment, TestNamespace } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';

interface State {
  waiting?: { reason: string; message?: string };
  terminated?: { reason: string; exitCode: number; message?: string };
}

interface Pod {
  status: {
    phase: string;
    reason?: string;
    containerStatuses?: { restartCount: number; state: State; lastState: State }[];
  };
}

let place: TestNamespace;
const pod = () => place.list<Pod>('pods')[0]?.status;
const container = () => pod()?.containerStatuses?.[0];
const waiting = () => container()?.state.waiting?.reason;
const reasons = () => place.list<{ reason: string }>('events').map(({ reason }) => reason);
const played = (script: Record<string, string | number>) =>
  place.apply(deployment({ name: 'llama', replicas: 1, gpus: 0, script }));

describe.runIf(hasSuite)('the played kubelet', () => {
  beforeEach(() => {
    place = new TestNamespace();
  });
  afterEach(() => place.close());

  it('tells each step of a start as events', async () => {
    played({ 'attach-ms': 50, 'pull-ms': 50, 'listen-ms': 50 });
    const steps = ['Scheduled', 'SuccessfulAttachVolume', 'Pulling', 'Pulled', 'Created', 'Started'];
    await expect.poll(reasons).toEqual(expect.arrayContaining(steps));
  });

  it.each([
    ['image-not-found', 'ImagePullBackOff', 'BackOff'],
    ['image-unauthorized', 'ImagePullBackOff', 'BackOff'],
    ['registry-down', 'ImagePullBackOff', 'BackOff'],
    ['invalid-image-name', 'InvalidImageName', 'InspectFailed'],
    ['never-pull', 'ErrImageNeverPull', 'ErrImageNeverPull'],
    ['config-error', 'CreateContainerConfigError', 'Failed'],
    ['failed-mount', 'ContainerCreating', 'FailedMount'],
    ['multi-attach', 'ContainerCreating', 'FailedAttachVolume'],
    ['crash', 'CrashLoopBackOff', 'BackOff'],
  ])('plays %s as %s with the event %s', async (fault, reason, event) => {
    played({ fault, 'backoff-ms': 2_000 });
    await expect.poll(waiting).toBe(reason);
    await expect.poll(reasons).toContain(event);
  });

  it('counts restarts, and keeps how the last ended', async () => {
    played({ fault: 'crash', 'exit-code': 3, 'termination-message': 'no CUDA device' });
    await expect.poll(() => container()?.restartCount).toBeGreaterThan(1);
    const last = { exitCode: 3, reason: 'Error', message: 'no CUDA device' };
    await expect.poll(() => container()?.lastState.terminated).toMatchObject(last);
  });

  it('ends a container that is out of memory with 137', async () => {
    played({ fault: 'oom' });
    const last = { exitCode: 137, reason: 'OOMKilled' };
    await expect.poll(() => container()?.lastState.terminated).toMatchObject(last);
  });

  it('fails a pod whose node evicts it', async () => {
    played({ fault: 'evicted', 'run-ms': 100 });
    const evicted = () => place.list<Pod>('pods').some(({ status }) => status.reason === 'Evicted');
    await expect.poll(evicted).toBe(true);
    await expect.poll(reasons).toContain('Evicted');
  });

  it('fails a probe until the weights are loaded', async () => {
    played({ 'load-ms': 1_000, 'probe-ms': 100 });
    await expect.poll(reasons).toContain('Unhealthy');
    const isReady = () =>
      place.kubectl([
        'get',
        'pods',
        '-o',
        'jsonpath={.items[0].status.conditions[?(@.type=="Ready")].status}',
      ]);
    await expect.poll(isReady).toBe('True');
  });
});
