import { afterEach, beforeEach, expect, it } from 'vitest';
import { containerPort, deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

const knative = 'autoscaling.knative.dev';

let stage: Stage;
beforeEach(async () => {
  if (!hasSuite) return;
  stage = await Stage.openWithDiscovery();
  stage.place.apply(deployment({ name: 'w' }));
});
afterEach(() => stage?.close());

const annotate = (...annotations: string[]) =>
  stage.place.kubectl(['annotate', '--overwrite', 'deployment', 'w', ...annotations]);
const becomeModel = () => annotate('pilotlight.dev/model=m', `pilotlight.dev/port=${containerPort}`);
const decision = async () => (await stage.view('m')).decision;
const served = () =>
  expect.poll(async () => (await stage.ask('m')).status, { timeout: 20_000, interval: 200 }).toBe(200);

it.runIf(hasSuite)('a workload that has the annotations of Knative is scaled by them', async () => {
  annotate(`${knative}/activation-scale=2`, `${knative}/max-scale=3`, `${knative}/window=6s`);
  becomeModel();
  await stage.serve();
  await served();
  expect(stage.asked('w')).toBe(2);
  annotate(`${knative}/activation-scale=3`, `${knative}/min-scale=3`);
  await expect.poll(() => stage.asked('w'), { timeout: 10_000 }).toBe(3);
});

it.runIf(hasSuite)(
  'an annotation of Knative that cannot be followed is told on the workload, whose model goes on',
  async () => {
    becomeModel();
    await stage.serve();
    await served();
    annotate(`${knative}/window=1s`);
    const told = () =>
      stage.place
        .list<{ involvedObject: { name: string }; message: string }>('events')
        .filter(({ involvedObject }) => involvedObject.name === 'w')
        .map(({ message }) => message)
        .join('\n');
    await expect.poll(told, { timeout: 10_000 }).toContain(`${knative}/window`);
    expect(told()).toContain('from 6s to 1h');
    expect(told()).toContain('what was accepted before goes on');
    expect(await stage.ask('m')).toMatchObject({ status: 200 });
  },
);

it.runIf(hasSuite)('annotations that go leave the settings of the gateway', async () => {
  annotate(`${knative}/min-scale=2`, `${knative}/max-scale=2`);
  becomeModel();
  await stage.serve();
  await expect.poll(() => stage.asked('w'), { timeout: 10_000 }).toBe(2);
  annotate(`${knative}/min-scale-`, `${knative}/max-scale-`);
  await expect.poll(decision, { timeout: 10_000 }).not.toContain('min');
});
