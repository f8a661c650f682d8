import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;
const onOneNode = { nodeSelector: { 'kubernetes.io/hostname': 'gpu-0' } };
const pods = (app: string) =>
  stage.place
    .list<{ metadata: { labels: { app: string } }; status: { phase: string } }>('pods')
    .filter(({ metadata }) => metadata.labels.app === app);
const running = () => pods('others').filter(({ status }) => status.phase === 'Running').length;

beforeEach(async () => {
  if (!hasSuite) return;
  stage = await Stage.open();
  // Eight GPUs are all that the node has: those of the test before may still be on their way out.
  stage.place.apply(deployment({ name: 'others', replicas: 8, pod: onOneNode }));
  stage.place.apply(deployment({ name: 'llama', pod: onOneNode }));
  await expect.poll(running).toBe(8);
});
afterEach(async () => {
  if (hasSuite) await stage.close();
});

const words = /unschedulable: 0\/2 nodes are available: .*1 Insufficient nvidia\.com\/gpu/;

describe.runIf(hasSuite)('the ninth GPU of a node with eight', () => {
  it('is refused at once with the words of the scheduler where capacityTimeout is 0, and served when one is free', async () => {
    await stage.serve({ name: 'llama', scale: 'idle: 1h, capacityTimeout: 0' });
    const answers = await Promise.all([stage.ask('llama'), stage.ask('llama')]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 503, code: 'no_capacity' });
      expect(answer.message).toMatch(words);
      expect(answer.message).not.toContain('preemption');
      expect(answer.tookMs).toBeLessThan(2_000);
    }
    expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'failed', fault: 'unschedulable' });
    await expect.poll(() => stage.asked('llama')).toBe(0);
    await expect.poll(() => pods('llama')).toEqual([]);
    const refused = await stage.ask('llama');
    expect(refused).toMatchObject({ status: 503, code: 'no_capacity' });
    expect(Number(refused.headers.get('retry-after-ms'))).toBeGreaterThan(0);
    stage.place.scale('others', 7);
    await expect.poll(async () => (await stage.ask('llama')).status).toBe(200);
  });

  it('is refused after capacityTimeout', async () => {
    await stage.serve({ name: 'llama', scale: 'idle: 1h, capacityTimeout: 3s' });
    const answer = await stage.ask('llama');
    expect(answer).toMatchObject({ status: 503, code: 'no_capacity' });
    expect(answer.message).toMatch(words);
    expect(answer.tookMs).toBeGreaterThan(3_000);
    expect(answer.tookMs).toBeLessThan(5_000);
    await expect.poll(() => stage.asked('llama')).toBe(0);
  });

  it('is waited for, and served when a GPU is freed in time', async () => {
    await stage.serve({ name: 'llama', scale: 'idle: 1h, capacityTimeout: 30s' });
    const waiter = stage.ask('llama');
    await expect.poll(async () => (await stage.view('llama')).detail).toMatch(words);
    stage.place.scale('others', 7);
    expect(await waiter).toMatchObject({ status: 200 });
    expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'ready' });
  });
});
