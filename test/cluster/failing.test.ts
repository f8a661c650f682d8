import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DeploymentOptions, deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { type Answer, Stage, type StageModel } from './support/stage.ts';

let stage: Stage;
const place = (options: Partial<DeploymentOptions>) =>
  stage.place.apply(deployment({ name: 'llama', gpus: 0, ...options }));
const serve = (model: Partial<StageModel> = {}) => stage.serve({ name: 'llama', ...model });

/** The next is refused during the back-off, the count goes back, and after it a mended workload serves. */
async function expectToHeal(mend: () => void): Promise<void> {
  const refused = await stage.ask('llama');
  expect(refused).toMatchObject({ status: 503 });
  expect(refused.tookMs).toBeLessThan(500);
  expect(Number(refused.headers.get('retry-after-ms'))).toBeGreaterThan(0);
  await expect.poll(() => stage.asked('llama')).toBe(0);
  mend();
  await expect.poll(async () => (await stage.ask('llama')).status).toBe(200);
}

/** Three who wait together are all told the same. */
async function askThree(): Promise<Answer> {
  const answers = await Promise.all([1, 2, 3].map(() => stage.ask('llama')));
  expect(new Set(answers.map(({ message }) => message)).size).toBe(1);
  return answers[0]!;
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
    const answer = await askThree();
    expect(answer).toMatchObject({ status: 503, code: 'start_failed' });
    expect(answer.message).toMatch(words);
    expect(answer.tookMs).toBeLessThan(3_000);
    // A controller may have put another pod in the place of one that was rejected, before the count went back.
    const { lastStarts } = await stage.view('llama');
    expect(lastStarts.find(({ outcome }) => outcome === 'failed')).toMatchObject({ fault: kind });
    await expectToHeal(() => place({}));
  });

  it.each([
    ['crash', 'crash_loop', 'exits again and again: exit code 3: no CUDA device'],
    ['oom', 'oom_killed', 'exits again and again: OOMKilled, exit code 137'],
  ])('%s, at the second exit', async (fault, kind, words) => {
    const crash = { fault, 'run-ms': 300, 'exit-code': 3, 'backoff-ms': 200 };
    const message = 'Loading weights\nno CUDA device';
    place({ script: { ...crash, 'termination-message': message } });
    await serve();
    const answer = await askThree();
    expect(answer).toMatchObject({ status: 503, code: 'start_failed' });
    expect(answer.message).toContain(`container "server" ${words}`);
    expect(answer.message).not.toContain('Loading weights');
    expect(answer.tookMs).toBeGreaterThan(2 * crash['run-ms']);
    expect(answer.tookMs).toBeLessThan(4_000);
    const [start, ...others] = (await stage.view('llama')).lastStarts;
    expect([start?.outcome, start?.fault, others]).toEqual(['failed', kind, []]);
    await expectToHeal(() => place({}));
  });
});

describe.runIf(hasSuite)('a start that may still come on fails at its startup deadline', () => {
  const startup = '2500ms';

  it.each([
    ['registry-down', 'image', /not ready within 2\.5s: image of container .*connection refused/],
    ['multi-attach', 'volume', /not ready within 2\.5s: FailedAttachVolume: Multi-Attach error/],
  ])('%s', async (fault, kind, words) => {
    place({ script: { fault, 'backoff-ms': 500 } });
    await serve({ startup });
    const answer = await askThree();
    expect(answer).toMatchObject({ status: 503, code: 'start_failed' });
    expect(answer.message).toMatch(words);
    expect(answer.tookMs).toBeGreaterThan(2_500);
    expect(answer.tookMs).toBeLessThan(5_000);
    expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'failed', fault: kind });
    await expectToHeal(() => place({}));
  });

  it('a model that goes on loading, with the phase', async () => {
    place({ script: { 'load-ms': 600_000, 'probe-ms': 100 } });
    await serve({ startup });
    const answer = await askThree();
    expect(answer).toMatchObject({ status: 503, code: 'start_failed' });
    expect(answer.message).toMatch(
      /not ready within 2\.5s: GET \/health: 503 Loading model \(after "loading"\)/,
    );
    expect(answer.tookMs).toBeGreaterThan(2_500);
    expect(answer.tookMs).toBeLessThan(5_000);
    await expectToHeal(() => place({}));
  });

  it('a pod that its kubelet does not call ready, where Kubernetes is trusted', async () => {
    place({ script: { fault: 'never-ready' } });
    await serve({ startup, ready: 'trust: kubernetes' });
    const answer = await askThree();
    expect(answer).toMatchObject({ status: 503, code: 'start_failed' });
    expect(answer.message).toMatch(/not ready within 2\.5s/);
    expect(answer.tookMs).toBeGreaterThan(2_500);
    expect(answer.tookMs).toBeLessThan(5_000);
    await expectToHeal(() => place({}));
  });
});
