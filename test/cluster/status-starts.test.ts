import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelStatus } from '../../src/discovery/model-status.ts';
import { settingsOf } from '../support/gateway.ts';
import { containerPort, type DeploymentOptions, deployment } from './support/cluster.ts';
import { hasSuite, mustKubectl } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;
beforeEach(async () => {
  if (!hasSuite) return;
  mustKubectl(['apply', '--server-side', '--force-conflicts', '-k', 'deploy/crd']);
  mustKubectl(['wait', '--for=condition=Established', 'crd/models.pilotlight.dev']);
  stage = await Stage.open();
  stage.kubernetes = 'lease: false, discovery: { models: true }';
});
afterEach(() => stage?.close());

function place(script: DeploymentOptions['script'] = {}): void {
  const spec = { backend: { scaleTarget: 'deployment/w', port: containerPort } };
  const object = { apiVersion: 'pilotlight.dev/v1alpha1', kind: 'Model', metadata: { name: 'm' }, spec };
  stage.place.apply([...deployment({ name: 'w', script }), object]);
}
const status = () => stage.place.list<{ status?: Partial<ModelStatus> }>('models')[0]?.status ?? {};
const accepted = () => {
  const condition = status().conditions?.find(({ type }) => type === 'Accepted');
  return condition === undefined ? null : `${condition.status} ${condition.reason}`;
};

describe.runIf(hasSuite)('the status of a Model', () => {
  it('says who waits for a start, for what and how long still, in its columns too', async () => {
    place({ 'pull-ms': 6_000 });
    await stage.serve();
    await expect.poll(() => status().phase).toBe('Cold');
    const waiters = Array.from({ length: 3 }, () => stage.ask('m'));
    await expect.poll(() => [status().phase, status().waiting]).toEqual(['Starting', 3]);
    await expect.poll(() => status().step).toEqual(expect.stringMatching(/image|pull/));
    expect((await Promise.all(waiters)).map((answer) => answer.status)).toEqual([200, 200, 200]);
    await expect.poll(() => [status().phase, status().waiting]).toEqual(['Ready', 0]);
    expect(status().lastColdStart).toMatchObject({ slowestStep: expect.stringMatching(/image/) as string });
    // A start that was seen once gives the next one its ETA.
    stage.place.scale('w', 0);
    await expect.poll(() => status().phase).toBe('Cold');
    const again = stage.ask('m');
    await expect.poll(() => status().eta).toEqual(expect.stringMatching(/^\d+s$/));
    expect(stage.place.kubectl(['get', 'models'])).toMatch(/ETA[^\n]*\nm +Starting +1 +0 +1 .* \d+s/);
    expect((await again).status).toBe(200);
    await expect.poll(() => status().eta).toBeUndefined();
  }, 90_000);

  it('and its events say why a start failed', async () => {
    place({ fault: 'image-not-found' });
    await stage.serve();
    expect((await stage.ask('m')).status).toBe(503);
    await expect.poll(() => status().reason ?? '').toMatch(/image/i);
    const ready = status().conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', message: expect.stringMatching(/image/i) as string });
    await expect
      .poll(() => stage.place.kubectl(['describe', 'model', 'm']))
      .toMatch(/Warning +StartFailed.*image/i);
  }, 60_000);

  it('follows a reload of the file that takes its name, and one that lets go of it', async () => {
    place();
    await stage.serve();
    await expect.poll(accepted).toBe('True Accepted');
    const section = `kubernetes: { kubeconfig: ${process.env.KUBECONFIG}, ${stage.kubernetes} }`;
    const reload = (models: string) => stage.gateway.app.reload(settingsOf(models, section));
    reload('  m: { backend: { driver: static, urls: ["http://127.0.0.1:9"] } }\n');
    await expect.poll(accepted).toBe('False Conflict');
    reload('  {}\n');
    await expect.poll(accepted).toBe('True Accepted');
    expect((await stage.ask('m')).status).toBe(200);
  }, 60_000);
});
