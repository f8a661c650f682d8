import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerPort, deployment, TestNamespace } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';

interface Ended {
  reason: string;
  exitCode: number;
}

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  status: {
    phase: string;
    containerStatuses?: {
      restartCount: number;
      state: { terminated?: Ended };
      lastState: { terminated?: Ended };
    }[];
  };
}

interface Slice {
  endpoints?: {
    addresses: string[];
    conditions: { ready: boolean; serving: boolean; terminating: boolean };
  }[];
}

let place: TestNamespace;
const pods = () => place.list<Pod>('pods');
const container = () => pods()[0]?.status.containerStatuses?.[0];
const endpoints = () => place.list<Slice>('endpointslices').flatMap((slice) => slice.endpoints ?? []);
const conditions = () => endpoints().map((endpoint) => endpoint.conditions);
const reasons = () => place.list<{ reason: string }>('events').map(({ reason }) => reason);
const ready = { ready: true, serving: true, terminating: false };
const unready = { ready: false, serving: false, terminating: false };
const ending = { ready: false, serving: true, terminating: true };

/** A pod that is ready, and the address of its port. */
async function played(options: Omit<Parameters<typeof deployment>[0], 'name'>): Promise<string> {
  place.apply(deployment({ name: 'llama', replicas: 1, gpus: 0, ...options }));
  await expect.poll(conditions).toEqual([ready]);
  return `http://${endpoints()[0]!.addresses[0]}:${containerPort}`;
}

const statusOf = async (url: string) => (await fetch(url)).status;
const lifecycle = (preStop: object) => ({ lifecycle: { preStop } });

/** Tells the pod to end; resolves with the seconds that it took, and with what its endpoint was and answered first. */
async function endOf(url: string): Promise<{ tookS: number; status: number }> {
  const beganAtMs = performance.now();
  place.scale('llama', 0);
  await expect.poll(conditions).toEqual([ending]);
  const status = await statusOf(url);
  await expect.poll(pods).toEqual([]);
  return { tookS: (performance.now() - beganAtMs) / 1_000, status };
}

const annotate = (text: string) => place.kubectl(['annotate', 'pod', pods()[0]!.metadata.name, text]);

beforeEach(() => {
  if (hasSuite) place = new TestNamespace();
});
afterEach(() => {
  if (hasSuite) place.close();
});

describe.runIf(hasSuite)('a played pod that is told to end', () => {
  it('serves for as long as its preStop sleeps', async () => {
    const container = lifecycle({ sleep: { seconds: 3 } });
    const url = await played({ container, pod: { terminationGracePeriodSeconds: 30 } });
    const { tookS, status } = await endOf(`${url}/health`);
    expect(status).toBe(200);
    expect(tookS).toBeGreaterThan(3);
    expect(tookS).toBeLessThan(8);
    await expect(statusOf(`${url}/health`)).rejects.toThrow('fetch failed');
  });

  it('serves for as long as its preStop waits for an answer', async () => {
    const container = lifecycle({ httpGet: { path: '/drain/3000', port: 'http' } });
    const pod = { terminationGracePeriodSeconds: 30 };
    const url = await played({ container, pod, script: { mode: 'process' } });
    const { tookS, status } = await endOf(url);
    expect(status).toBe(200);
    expect(tookS).toBeGreaterThan(3);
    expect(tookS).toBeLessThan(8);
    expect(reasons()).not.toContain('FailedPreStopHook');
  });

  it('ends when its grace period is over, whatever its preStop does', async () => {
    const container = lifecycle({ sleep: { seconds: 60 } });
    const pod = { terminationGracePeriodSeconds: 60 };
    const url = await played({ container, pod });
    place.kubectl(['delete', 'pods', '--all', '--grace-period=2', '--wait=false']);
    const isThere = async () => (await fetch(`${url}/health`).catch(() => null)) !== null;
    expect(await isThere()).toBe(true);
    await expect.poll(isThere).toBe(false);
  });

  it('ends without its preStop when that fails, and says so', async () => {
    const container = lifecycle({ httpGet: { path: '/nothing', port: 'http' } });
    await played({ container });
    place.scale('llama', 0);
    await expect.poll(reasons).toContain('FailedPreStopHook');
    await expect.poll(pods).toEqual([]);
  });
});

describe.runIf(hasSuite)('the readiness of a played pod', () => {
  it('is told by its open port where its probe is a tcp one', async () => {
    const container = { readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1 } };
    const script = { 'listen-ms': 1_000, 'load-ms': 600_000 };
    const beganAtMs = performance.now();
    const url = await played({ container, script });
    expect(performance.now() - beganAtMs).toBeGreaterThan(1_000);
    expect(await statusOf(`${url}/health`)).toBe(503);
    expect(place.kubectl(['get', 'events'])).toMatch(/Readiness probe failed: dial tcp .*connection refused/);
  });

  it('goes when its probe has failed three times, and comes back', async () => {
    await played({ script: { 'probe-ms': 200 } });
    annotate('played.pilotlight.dev/unready=true');
    await expect.poll(conditions).toEqual([unready]);
    const failures = place.list<{ message: string }>('events').filter(({ message }) => {
      return message === 'Readiness probe failed: HTTP probe failed with statuscode: 503';
    });
    expect(failures.length).toBeGreaterThanOrEqual(3);
    annotate('played.pilotlight.dev/unready-');
    await expect.poll(conditions).toEqual([ready]);
    expect(container()?.restartCount).toBe(0);
  });
});

describe.runIf(hasSuite)('a played container that is a process', () => {
  const script = { mode: 'process', 'probe-ms': 200 };
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const processOf = async (url: string) => Number((await fetch(url)).headers.get('x-process-id'));

  it('listens, and is ended with its pod, which tells its exit', async () => {
    const url = await played({ script });
    const pid = await processOf(url);
    expect(isAlive(pid)).toBe(true);
    const { name } = pods()[0]!.metadata;
    const finalizers = (names: string[]) => {
      const patch = JSON.stringify({ metadata: { finalizers: names } });
      return place.kubectl(['patch', 'pod', name, '--type=merge', '-p', patch]);
    };
    finalizers(['pilotlight.dev/seen']);
    try {
      place.scale('llama', 0);
      await expect.poll(() => isAlive(pid)).toBe(false);
      const exit = { exitCode: 143, reason: 'Error' };
      await expect.poll(() => container()?.state.terminated).toMatchObject(exit);
      expect(pods()[0]?.status.phase).toBe('Failed');
    } finally {
      finalizers([]);
    }
    await expect.poll(pods).toEqual([]);
  });

  it('is started again when it exits', async () => {
    const url = await played({ script });
    const pid = await processOf(url);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => container()?.restartCount).toBe(1);
    expect(container()?.lastState.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    await expect.poll(conditions).toEqual([ready]);
    expect(await processOf(url)).not.toBe(pid);
  });

  it('is unready while it hangs', async () => {
    const url = await played({ script });
    const pid = await processOf(url);
    process.kill(pid, 'SIGSTOP');
    await expect.poll(conditions).toEqual([unready]);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGCONT');
    await expect.poll(conditions).toEqual([ready]);
    expect(await processOf(url)).toBe(pid);
  });
});
