import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import { livingPods } from './support/pods.ts';
import { Stage, scaleWrites } from './support/stage.ts';

let stage: Stage;

const names = () => livingPods(stage.place).map(({ name }) => name);
const patient = { interval: 300, timeout: 40_000 };

async function readyReplicas(): Promise<string[]> {
  const { replicas } = await stage.view('llama');
  return replicas.filter(({ state }) => state === 'ready').map(({ id }) => id);
}

/** A Deployment that somebody gave so many replicas, and a gateway that has them all. */
async function found(replicas: number, idle: string): Promise<void> {
  stage.place.apply(deployment({ name: 'llama', gpus: 0, replicas }));
  await stage.serve({ name: 'llama', concurrency: 1, scale: `max: 3, idle: ${idle}` });
  await expect.poll(readyReplicas, patient).toHaveLength(replicas);
}

/** Changes the pods to come: annotations below `played.pilotlight.dev/`. */
function rollOut(script: Readonly<Record<string, string>>): void {
  const annotations = Object.fromEntries(
    Object.entries(script).map(([key, value]) => [`played.pilotlight.dev/${key}`, value]),
  );
  const patch = { spec: { template: { metadata: { annotations } } } };
  stage.place.kubectl(['patch', 'deployment', 'llama', '-p', JSON.stringify(patch)]);
}

beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.close());

describe('an idle model goes to zero', () => {
  it('while an update is rolled out whose pods never become ready', async () => {
    await found(2, '12s');
    const before = names();
    rollOut({ 'load-ms': '600000' });
    await expect.poll(() => names().length, patient).toBe(3);
    expect(names()).toEqual(expect.arrayContaining(before));
    const writes = scaleWrites();
    await expect.poll(() => stage.asked('llama'), patient).toBe(0);
    await expect.poll(names, patient).toEqual([]);
    expect(scaleWrites()).toBe(writes + 1);
  });

  it('after a restart of all its replicas; a restart at zero starts nothing, and the next request is served', async () => {
    await found(3, '10s');
    const before = names();
    const writes = scaleWrites();
    stage.place.kubectl(['rollout', 'restart', 'deployment/llama']);
    await expect.poll(() => names().some((name) => before.includes(name)), patient).toBe(false);
    await expect.poll(() => stage.asked('llama'), patient).toBe(0);
    expect(scaleWrites()).toBe(writes + 1);
    await expect.poll(names, patient).toEqual([]);
    stage.place.kubectl(['rollout', 'restart', 'deployment/llama']);
    stage.place.kubectl(['rollout', 'status', 'deployment/llama', '--timeout=20s']);
    expect([stage.asked('llama'), names()]).toEqual([0, []]);
    expect(scaleWrites()).toBe(writes + 1);
    expect((await stage.ask('llama')).status).toBe(200);
  });

  it('after one of its pods was evicted and replaced', async () => {
    await found(2, '10s');
    const [evicted] = names();
    stage.place.kubectl(['annotate', `pod/${evicted}`, 'played.pilotlight.dev/fault=evicted']);
    await expect.poll(async () => (await readyReplicas()).join(), patient).not.toContain(`@${evicted}/`);
    await expect.poll(readyReplicas, patient).toHaveLength(2);
    expect(stage.asked('llama')).toBe(2);
    await expect.poll(() => stage.asked('llama'), patient).toBe(0);
  });
});
