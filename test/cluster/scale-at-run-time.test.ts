import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ScaleView } from '../../src/config/run-time-scale.ts';
import { containerPort, deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;
beforeEach(async () => {
  if (hasSuite) stage = await Stage.openWithDiscovery();
});
afterEach(() => stage?.close());

const model = (name: string, workload: string, scale: object) => ({
  apiVersion: 'pilotlight.dev/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { backend: { scaleTarget: `deployment/${workload}`, port: containerPort }, scale },
});
const patch = async (name: string, body: object) => {
  const response = await fetch(`${stage.gateway.adminUrl}/api/models/${name}/scale`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as ScaleView;
};
const state = (name: string) =>
  expect.poll(async () => (await stage.view(name)).state, { timeout: 20_000, interval: 100 });
const asked = (workload: string) =>
  expect.poll(() => stage.asked(workload), { timeout: 20_000, interval: 200 });

describe.runIf(hasSuite)('a model of the cluster', () => {
  it('has its scale changed by the admin API, beside what its object says from then on', async () => {
    await stage.serve();
    stage.place.apply([...deployment({ name: 'w' }), model('m', 'w', { max: 3, idle: '1s' })]);
    await state('m').toBe('cold');
    expect(await patch('m', { min: 2 })).toMatchObject({ scale: { min: 2, max: 3 }, overrides: { min: 2 } });
    await asked('w').toBe(2);
    stage.place.apply([model('m', 'w', { max: 2, idle: '1s' })]);
    await expect
      .poll(async () => (await patch('m', {})).scale, { timeout: 10_000 })
      .toMatchObject({
        ...{ min: 2, max: 2 },
      });
    expect((await patch('m', { min: null })).overrides).toEqual({});
    await asked('w').toBe(0);
  }, 60_000);

  it('is paused by its object, and by an annotation of its workload', async () => {
    await stage.serve();
    stage.place.apply([...deployment({ name: 'w' }), ...deployment({ name: 'v' }), model('m', 'w', {})]);
    stage.place.kubectl(['annotate', 'deployment', 'v', 'pilotlight.dev/model=n']);
    for (const name of ['m', 'n']) {
      await state(name).toBe('cold');
      expect((await stage.ask(name)).status).toBe(200);
    }
    stage.place.apply([model('m', 'w', { pause: true })]);
    stage.place.kubectl(['annotate', 'deployment', 'v', 'pilotlight.dev/pause=true']);
    for (const [name, workload] of [
      ['m', 'w'],
      ['n', 'v'],
    ] as const) {
      await state(name).toBe('paused');
      expect((await stage.ask(name)).code).toBe('paused');
      await asked(workload).toBe(0);
    }
    stage.place.kubectl(['annotate', 'deployment', 'v', 'pilotlight.dev/pause-']);
    await expect.poll(async () => (await stage.ask('n')).status, { timeout: 20_000 }).toBe(200);
  }, 60_000);

  it('wakes the companions that its annotation names', async () => {
    await stage.serve();
    stage.place.apply([...deployment({ name: 'w' }), ...deployment({ name: 'v' }), model('m', 'w', {})]);
    const companions = 'pilotlight.dev/wake-with=m';
    stage.place.kubectl(['annotate', 'deployment', 'v', 'pilotlight.dev/model=n', companions]);
    await state('m').toBe('cold');
    await state('n').toBe('cold');
    expect((await stage.ask('n')).status).toBe(200);
    await asked('w').toBe(1);
    await state('m').toBe('ready');
  }, 60_000);
});
