import { afterEach, beforeEach, expect, it } from 'vitest';
import { containerPort, deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;
beforeEach(async () => {
  if (hasSuite) stage = await Stage.openWithDiscovery();
});
afterEach(() => stage?.close());

it.runIf(hasSuite)('a model that moves to another door keeps its pods, and what runs on them', async () => {
  stage.place.apply(deployment({ name: 'w' }));
  const annotate = (...annotations: string[]) =>
    stage.place.kubectl(['annotate', '--overwrite', 'deployment', 'w', ...annotations]);
  annotate('pilotlight.dev/model=m', `pilotlight.dev/port=${containerPort}`);
  await stage.serve();
  await expect.poll(async () => (await stage.ask('m')).status, { timeout: 20_000 }).toBe(200);
  const { replicas } = await stage.view('m');
  stage.place.apply([
    {
      apiVersion: 'pilotlight.dev/v1alpha1',
      kind: 'Model',
      metadata: { name: 'm' },
      spec: { aliases: ['moved'], backend: { scaleTarget: 'deployment/w', port: containerPort } },
    },
  ]);
  await expect.poll(async () => (await stage.ask('moved')).status, { timeout: 20_000 }).toBe(200);
  annotate('pilotlight.dev/model-', 'pilotlight.dev/port-');
  const view = await stage.view('m');
  expect(view.replicas.map(({ id }) => id)).toEqual(replicas.map(({ id }) => id));
  expect(view.lastStarts).toHaveLength(1);
  expect(stage.asked('w')).toBe(1);
});
