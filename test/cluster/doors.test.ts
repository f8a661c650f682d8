import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerPort, deployment } from './support/cluster.ts';
import { hasSuite, kubectl } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}
interface ModelObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly generation: number };
  readonly status?: {
    readonly phase: string;
    readonly replicas: number;
    readonly waiting: number;
    readonly observedGeneration: number;
    readonly lastColdStart?: { readonly ms: number; readonly took: string };
    readonly conditions: readonly Condition[];
  };
}

let stage: Stage;
beforeEach(async () => {
  if (hasSuite) stage = await Stage.openWithDiscovery();
});
afterEach(() => stage?.close());

const model = (name: string, workload: string, more: object = {}) => ({
  apiVersion: 'pilotlight.dev/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { backend: { scaleTarget: `deployment/${workload}`, port: containerPort }, ...more },
});
const objectOf = (name: string) =>
  stage.place.list<ModelObject>('models').find((it) => it.metadata.name === name);
const statusOf = (name: string) => objectOf(name)?.status;
const accepted = (name: string) => {
  const condition = statusOf(name)?.conditions.find(({ type }) => type === 'Accepted');
  return condition === undefined ? null : `${condition.status} ${condition.reason}`;
};
const answer = async (name: string) => {
  const { status, code } = await stage.ask(name);
  return code === '' ? `${status}` : `${status} ${code}`;
};
const served = (name: string) => expect.poll(() => answer(name), { timeout: 20_000, interval: 200 });
const annotate = (workload: string, ...annotations: string[]) =>
  stage.place.kubectl(['annotate', '--overwrite', 'deployment', workload, ...annotations]);
const eventsOf = (kind: string, name: string) =>
  stage.place
    .list<{ involvedObject: { kind: string; name: string }; reason: string; message: string }>('events')
    .filter(({ involvedObject: about }) => about.kind === kind && about.name === name);
const toldOf = (kind: string, name: string, reason: string) =>
  eventsOf(kind, name).find((event) => event.reason === reason)?.message;

describe.runIf(hasSuite)('a model that is a Model object', () => {
  it('is served from zero, changed and taken away while the gateway runs', async () => {
    await stage.serve();
    stage.place.apply([...deployment({ name: 'w' }), ...deployment({ name: 'w2' }), model('m', 'w')]);
    await served('m').toBe('200');
    expect([stage.asked('w'), stage.asked('w2')]).toEqual([1, 0]);
    stage.place.apply([model('m', 'w2', { aliases: ['other'] })]);
    await expect.poll(() => answer('other'), { timeout: 20_000 }).toBe('200');
    expect(stage.asked('w2')).toBe(1);
    stage.place.kubectl(['delete', 'model', 'm']);
    await served('m').toBe('404 model_not_found');
  }, 60_000);

  it('tells what it does in its status, its columns and its events', async () => {
    await stage.serve();
    stage.place.apply([...deployment({ name: 'w' }), model('m', 'w', { scale: { idle: '2s' } })]);
    await expect.poll(() => statusOf('m')?.phase, { timeout: 10_000 }).toBe('Cold');
    expect(statusOf('m')).toMatchObject({ replicas: 0, waiting: 0, observedGeneration: 1 });
    expect((await stage.ask('m')).status).toBe(200);
    await expect.poll(() => statusOf('m')?.phase, { timeout: 10_000 }).toBe('Ready');
    const { lastColdStart, conditions } = statusOf('m')!;
    expect(lastColdStart!.took).toMatch(/^[\d.]+s$/);
    expect(conditions.map(({ type, status }) => `${type}=${status}`)).toEqual([
      'Accepted=True',
      'Ready=True',
    ]);
    const [header, row] = stage.place.kubectl(['get', 'models']).split('\n');
    expect(header!.split(/\s{2,}/).slice(0, 6)).toEqual([
      'NAME',
      'PHASE',
      'REPLICAS',
      'READY',
      'WAITING',
      'LAST COLD',
    ]);
    expect(row).toMatch(/^m +Ready +1 +1 +0 +[\d.]+s/);
    await expect.poll(() => statusOf('m')?.phase, { timeout: 20_000 }).toBe('Cold');
    await expect.poll(() => toldOf('Model', 'm', 'ScaledToZero'), { timeout: 10_000 }).toBeDefined();
    expect(toldOf('Model', 'm', 'Woken')).toBeDefined();
    expect(toldOf('Model', 'm', 'Ready')).toMatch(/is ready after [\d.]+s: .*pod/);
    const described = stage.place.kubectl(['describe', 'model', 'm']);
    expect(described).toMatch(/Normal +Woken/);
    expect(described).toMatch(/Normal +ScaledToZero/);
  }, 60_000);

  it('that is wrong is reported on itself, harms no other, and is healed', async () => {
    await stage.serve();
    const wrong = model('bad', 'w', { backend: { ...model('bad', 'w').spec.backend, namespace: 'default' } });
    stage.place.apply([
      ...deployment({ name: 'w' }),
      ...deployment({ name: 'w2' }),
      wrong,
      model('good', 'w2'),
    ]);
    await expect.poll(() => accepted('bad'), { timeout: 10_000 }).toBe('False Invalid');
    expect(statusOf('bad')?.phase).toBe('Refused');
    await served('good').toBe('200');
    await served('bad').toBe('404 model_not_found');
    await expect.poll(() => toldOf('Model', 'bad', 'Invalid')).toContain('spec.backend.namespace');
    stage.place.apply([model('bad', 'w')]);
    await expect.poll(() => accepted('bad'), { timeout: 10_000 }).toBe('True Accepted');
    await served('bad').toBe('200');
    expect(statusOf('bad')?.observedGeneration).toBe(objectOf('bad')?.metadata.generation);
  }, 60_000);

  it('gets at nothing of the gateway: references to its environment and files are refused', async () => {
    await stage.serve();
    const backend = { scaleTarget: 'deployment/w', port: containerPort };
    stage.place.apply([
      model('env', 'w', { backend: { ...backend, headers: { 'x-a': '${env.PATH}' } } }),
      model('file', 'w', { backend: { ...backend, headers: { 'x-a': 'file:/etc/passwd' } } }),
    ]);
    for (const name of ['env', 'file'])
      await expect.poll(() => accepted(name), { timeout: 10_000 }).toBe('False Invalid');
  });

  it('that was deleted and made anew under its name has a status of its own', async () => {
    await stage.serve();
    stage.place.apply([...deployment({ name: 'w' }), model('m', 'w')]);
    await expect.poll(() => accepted('m'), { timeout: 10_000 }).toBe('True Accepted');
    const { uid } = objectOf('m')!.metadata;
    stage.place.kubectl(['replace', '--force', '-f', '-'], JSON.stringify(model('m', 'w')));
    expect(objectOf('m')!.metadata.uid).not.toBe(uid);
    await expect.poll(() => accepted('m'), { timeout: 10_000 }).toBe('True Accepted');
    await served('m').toBe('200');
    // How the gateway names the object that it means, for what it wrote when the object was another.
    const stale = [
      { op: 'test', path: '/metadata/uid', value: uid },
      { op: 'add', path: '/status', value: { phase: 'Stale' } },
    ];
    const patch = ['patch', 'model', 'm', '--subresource=status', '--type=json', '-p', JSON.stringify(stale)];
    const refused = kubectl(['-n', stage.place.name, ...patch]);
    expect(refused).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('rejected our request') as string,
    });
    await expect.poll(() => statusOf('m')?.phase).toBe('Ready');
  }, 30_000);

  it('of another namespace is not seen', async () => {
    const other = await Stage.open();
    await stage.serve();
    try {
      other.place.apply([...deployment({ name: 'w' }), model('elsewhere', 'w')]);
      stage.place.apply([...deployment({ name: 'w' }), model('here', 'w')]);
      await served('here').toBe('200');
      expect(await answer('elsewhere')).toBe('404 model_not_found');
      expect(other.place.list<ModelObject>('models')[0]!.status).toBeUndefined();
    } finally {
      await other.close();
    }
  }, 30_000);
});

describe.runIf(hasSuite)('a workload with annotations', () => {
  it('is a model while it has them, with what they say now', async () => {
    stage.place.apply(deployment({ name: 'w' }));
    await stage.serve();
    expect(await answer('a')).toBe('404 model_not_found');
    annotate('w', 'pilotlight.dev/model=a', `pilotlight.dev/port=${containerPort}`);
    await served('a').toBe('200');
    expect(stage.asked('w')).toBe(1);
    annotate('w', 'pilotlight.dev/aliases=b');
    await served('b').toBe('200');
    annotate('w', 'pilotlight.dev/idle=soon');
    await expect.poll(() => toldOf('Deployment', 'w', 'Invalid')).toContain('pilotlight.dev/idle');
    expect([await answer('a'), await answer('b')]).toEqual(['200', '200']);
    annotate('w', 'pilotlight.dev/idle=2s');
    await served('a').toBe('200');
    await expect.poll(() => stage.asked('w'), { timeout: 20_000 }).toBe(0);
    await expect.poll(() => toldOf('Deployment', 'w', 'ScaledToZero')).toBeDefined();
    expect(toldOf('Deployment', 'w', 'Ready')).toContain('is ready after');
    annotate('w', 'pilotlight.dev/model-');
    await served('a').toBe('404 model_not_found');
  }, 60_000);
});

describe.runIf(hasSuite)('two that claim the same name', () => {
  it('are one: the file, then Model objects, then annotations, then the older; the loser is told and healed', async () => {
    const names = ['f', 'o', 'n', 'd'];
    stage.place.apply(names.flatMap((name) => deployment({ name })));
    await stage.serve({ name: 'filed', target: 'deployment/f' });
    stage.place.apply([model('filed', 'o'), model('old', 'o', { aliases: ['both'] })]);
    await expect.poll(() => accepted('filed'), { timeout: 10_000 }).toBe('False Conflict');
    await served('both').toBe('200');
    await expect.poll(() => accepted('old'), { timeout: 10_000 }).toBe('True Accepted');
    annotate('d', 'pilotlight.dev/model=old', `pilotlight.dev/port=${containerPort}`);
    await expect.poll(() => toldOf('Deployment', 'd', 'Conflict'), { timeout: 10_000 }).toContain('old');
    // creationTimestamp has seconds.
    const secondNow = () => Math.floor(Date.now() / 1_000);
    const createdS = secondNow();
    await expect.poll(secondNow).toBeGreaterThan(createdS);
    stage.place.apply([model('a-newer', 'n', { aliases: ['both'] })]);
    await expect.poll(() => accepted('a-newer'), { timeout: 10_000 }).toBe('False Conflict');
    expect(await answer('filed')).toBe('200');
    expect([stage.asked('f'), stage.asked('o'), stage.asked('n'), stage.asked('d')]).toEqual([1, 1, 0, 0]);
    stage.place.kubectl(['delete', 'model', 'old']);
    await expect.poll(() => accepted('a-newer'), { timeout: 10_000 }).toBe('True Accepted');
    await served('old').toBe('200');
    expect(stage.asked('d')).toBe(1);
  }, 90_000);
});

describe.runIf(hasSuite)('a gateway that starts again', () => {
  it('never answers 404 for a model of the cluster', async () => {
    stage.place.apply([...deployment({ name: 'w' }), model('m', 'w')]);
    for (let n = 0; n < 3; n++) {
      const started = stage.serve();
      await expect
        .poll(
          () => {
            try {
              return stage.gateway.url;
            } catch {
              return null;
            }
          },
          { interval: 1 },
        )
        .not.toBe(null);
      const seen = new Set<string>();
      while (!seen.has('200')) seen.add(await answer('m'));
      await started;
      expect([...seen].filter((it) => it !== '200' && it !== '503 standby')).toEqual([]);
      await stage.quit();
    }
  }, 60_000);
});
