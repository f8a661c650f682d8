import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DeploymentOptions, deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { Stage, type StageModel } from './support/stage.ts';

let stage: Stage;
const place = (options: Partial<DeploymentOptions>) =>
  stage.place.apply(deployment({ name: 'llama', gpus: 0, ...options }));
const serve = (model: Partial<StageModel> = {}) => stage.serve({ name: 'llama', ...model });

/** The count goes back, the next is refused during the back-off, and after it a mended workload serves. */
async function expectToHeal(mend: () => void): Promise<void> {
  await expect.poll(() => stage.asked('llama')).toBe(0);
  const refused = await stage.ask('llama');
  expect(refused).toMatchObject({ status: 503 });
  expect(refused.tookMs).toBeLessThan(500);
  expect(Number(refused.headers.get('retry-after-ms'))).toBeGreaterThan(0);
  mend();
  await expect.poll(async () => (await stage.ask('llama')).status).toBe(200);
}

beforeEach(async () => {
  if (hasSuite) stage = await Stage.open();
});
afterEach(async () => {
  if (hasSuite) await stage.close();
});

describe.runIf(hasSuite)('a start that fails is told to who waits at once, with the reason', () => {
  it.each([
    ['image-not-found', 'image', /image of container "server": \w+: .*not found/],
    ['image-unauthorized', 'image', /image of container "server": \w+: .*authorization failed/],
    ['invalid-image-name', 'image', /InvalidImageName: .*invalid reference format/],
    ['never-pull', 'image', /ErrImageNeverPull: .*not present with pull policy of Never/],
    ['config-error', 'missing', /CreateContainerConfigError: secret "weights" not found/],
    ['failed-mount', 'missing', /FailedMount: .*secret "weights" not found/],
    ['admission', 'admission', /UnexpectedAdmissionError: .*no healthy devices/],
  ])('%s', async (fault, kind, words) => {
    place({ script: { fault, 'backoff-ms': 30_000 } });
    await serve();
    const answer = await stage.ask('llama');
    expect(answer).toMatchObject({ status: 503, code: 'start_failed' });
    expect(answer.message).toMatch(words);
    expect(answer.tookMs).toBeLessThan(3_000);
    expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'failed', fault: kind });
    await expectToHeal(() => place({}));
  });
});
