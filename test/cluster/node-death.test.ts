import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { control, deployment } from './support/cluster.ts';
import { mustKubectl } from './support/kubectl.ts';
import { type Answer, Stage, scaleWrites } from './support/stage.ts';

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
}

/** One pod on each node where both live; a pod leaves a dead node a second after it counts as dead, not after 5 min. */
const spread = {
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: { app: 'llama' } },
    },
  ],
  tolerations: ['not-ready', 'unreachable'].map((condition) => ({
    key: `node.kubernetes.io/${condition}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 1,
  })),
};

let stage: Stage;

const pods = () =>
  stage.place.list<Pod>('pods').filter(({ metadata }) => metadata.deletionTimestamp === undefined);
const nodesOfPods = () => pods().map(({ spec }) => spec.nodeName);
const taints = () => mustKubectl(['get', 'node', 'gpu-0', '-o', 'jsonpath={.spec.taints}']);

async function readyReplicas(): Promise<string[]> {
  const { replicas } = await stage.view('llama');
  return replicas.filter(({ state }) => state === 'ready').map(({ id }) => id);
}

/** Attempts that were made again at another pod. */
async function retries(): Promise<number> {
  const metrics = await (await fetch(`${stage.gateway.adminUrl}/metrics`)).text();
  return Number(/^pilotlight_retries_total\{[^}]*\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

/** Asks ten times a second until `until` has ended. */
async function flow(until: Promise<unknown>): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  let isOver = false;
  const end = until.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    answers.push(stage.ask('llama', { max_tokens: 5 }));
    await pause(100);
  }
  await end;
  return Promise.all(answers);
}

beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.close());

describe('a node that dies', () => {
  it('costs no request sent after its death, and its pod is replaced without a change of the count', {
    timeout: 120_000,
  }, async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, replicas: 2, pod: spread }));
    await stage.serve({ name: 'llama', scale: 'min: 2, max: 2, idle: 1h' });
    await expect.poll(readyReplicas).toHaveLength(2);
    expect(nodesOfPods().sort()).toEqual(['gpu-0', 'gpu-1']);
    const [lost] = pods().filter(({ spec }) => spec.nodeName === 'gpu-0');
    const writes = scaleWrites();
    // Both have kept connections when it dies.
    const before = await Promise.all(Array.from({ length: 20 }, () => stage.ask('llama')));
    expect(before.every(({ status }) => status === 200)).toBe(true);
    expect(await retries()).toBe(0);
    await control('nodes/gpu-0/kill');
    try {
      const replaced = async () => {
        // Kubernetes waits for a node's lease for 50 s, and looks each 5 s.
        const where = { timeout: 75_000, interval: 1_000 };
        await expect.poll(nodesOfPods, where).toEqual(['gpu-1', 'gpu-1']);
        await expect.poll(readyReplicas).toHaveLength(2);
        await pause(1_000);
      };
      const answers = await flow(replaced());
      expect(answers.length).toBeGreaterThan(200);
      expect(answers.filter(({ status }) => status !== 200).map(({ message }) => message)).toEqual([]);
      // The dead pod's endpoint was there for most of the time: it was tried.
      expect(await retries()).toBeGreaterThan(0);
      expect((await readyReplicas()).join()).not.toContain(lost!.metadata.name);
      expect(stage.asked('llama')).toBe(2);
      expect(scaleWrites()).toBe(writes);
    } finally {
      await control('nodes/gpu-0/start');
      await expect.poll(taints, { interval: 500 }).toBe('');
    }
  });
});
