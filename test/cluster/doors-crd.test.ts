import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerPort, deployment } from './support/cluster.ts';
import { hasSuite, kubectl, mustKubectl } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;
const definition = ['--server-side', '--force-conflicts', '-k', 'deploy/crd'];
beforeEach(async () => {
  if (!hasSuite) return;
  stage = await Stage.open();
  stage.kubernetes = 'lease: false, discovery: { models: true, annotations: true }';
});
afterEach(async () => {
  if (!hasSuite) return;
  mustKubectl(['apply', ...definition]);
  await stage.close();
});

const model = (name: string, spec: object = {}) => ({
  apiVersion: 'pilotlight.dev/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { backend: { scaleTarget: `deployment/${name}`, port: containerPort }, ...spec },
});
const statusOf = async (name: string) => (await stage.ask(name)).status;

/** Watches of one namespace's objects that the API server serves now; its own parts watch all namespaces. */
function watchesOf(resource: string): number {
  const rows = mustKubectl(['get', '--raw', '/metrics'])
    .split('\n')
    .filter((row) => row.startsWith('apiserver_longrunning_requests{'))
    .filter((row) => row.includes(`resource="${resource}"`) && row.includes('scope="namespace"'));
  return rows.reduce((sum, row) => sum + Number(row.split(' ').at(-1)), 0);
}

describe.runIf(hasSuite)('the kind Model', () => {
  it('may come after the gateway, which serves annotated workloads without it', async () => {
    mustKubectl(['delete', 'crd', 'models.pilotlight.dev', '--ignore-not-found']);
    stage.place.apply([...deployment({ name: 'w' }), ...deployment({ name: 'm' })]);
    const said = ['pilotlight.dev/model=w', `pilotlight.dev/port=${containerPort}`];
    stage.place.kubectl(['annotate', 'deployment', 'w', ...said]);
    await stage.serve();
    await expect.poll(() => statusOf('w')).toBe(200);
    mustKubectl(['apply', ...definition]);
    mustKubectl(['wait', '--for=condition=Established', 'crd/models.pilotlight.dev']);
    stage.place.apply([model('m')]);
    // The kind is looked for each minute.
    await expect.poll(() => statusOf('m'), { timeout: 100_000, interval: 500 }).toBe(200);
    expect(await statusOf('w')).toBe(200);
  }, 150_000);

  it('refuses at the API server what its schema does not know', () => {
    mustKubectl(['apply', ...definition]);
    const wrong = JSON.stringify(model('m', { scale: { max: -1 } }));
    const refused = kubectl(['-n', stage.place.name, 'apply', '-f', '-'], wrong);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('spec.scale.max') as string });
  });
});

describe.runIf(hasSuite)('thirty models by both doors', () => {
  it('are seen through one watch of each kind', async () => {
    mustKubectl(['apply', ...definition]);
    mustKubectl(['wait', '--for=condition=Established', 'crd/models.pilotlight.dev']);
    const names = Array.from({ length: 30 }, (_, n) => `m${n}`);
    const workloads = names.flatMap((name) => deployment({ name, gpus: 0 }));
    stage.place.apply([...workloads, ...names.slice(0, 15).map((name) => model(name))]);
    const said = ['pilotlight.dev/model=x', `pilotlight.dev/port=${containerPort}`];
    for (const name of names.slice(15))
      stage.place.kubectl(['annotate', 'deployment', name, said[0]!.replace('=x', `=${name}`), said[1]!]);
    const before = ['models', 'deployments', 'pods', 'events'].map(watchesOf);
    await stage.serve();
    const served = await Promise.all(names.map((name) => statusOf(name)));
    expect(new Set(served)).toEqual(new Set([200]));
    await expect
      .poll(() => ['models', 'deployments', 'pods', 'events'].map(watchesOf))
      .toEqual(before.map((count) => count + 1));
  }, 120_000);
});
