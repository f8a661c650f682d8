import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerPort, deployment } from './support/cluster.ts';
import { Stage, scaleWrites } from './support/stage.ts';

let stage: Stage;

const lasting = (ms: number) => ({ max_tokens: ms, ignore_eos: true, stream: true });

async function readyReplicas(): Promise<string[]> {
  const { replicas } = await stage.view('llama');
  return replicas.filter(({ state }) => state === 'ready').map(({ id }) => id);
}

/** Applies the Deployment's count as a tool that owns its manifest does. */
function applyAs(manager: string, replicas: number): void {
  const [manifest] = deployment({ name: 'llama', gpus: 0, replicas });
  const args = ['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-f', '-'];
  stage.place.kubectl(args, JSON.stringify(manifest));
}

const autoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'llama-hpa' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'llama' },
    minReplicas: 1,
    maxReplicas: 3,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
      },
    ],
  },
};

beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.close());

describe('a count that somebody else owns', () => {
  it('is refused while an HPA has it, with the remedy, and taken when the HPA is gone', async () => {
    stage.place.apply([...deployment({ name: 'llama', gpus: 0 }), autoscaler]);
    await stage.serve({ name: 'llama' });
    const refused = await stage.ask('llama');
    expect(refused).toMatchObject({ status: 503, code: 'start_failed' });
    expect(refused.message).toMatch(
      /autoscaler "llama-hpa" owns the count of Deployment "llama": .*scale\.owner: external/,
    );
    expect(stage.asked('llama')).toBe(0);
    stage.place.kubectl(['delete', 'hpa', 'llama-hpa']);
    await expect.poll(async () => (await stage.ask('llama')).status).toBe(200);
  });

  it('is raised from 0 to 1 and otherwise left alone where it is said to be external', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0 }));
    await stage.serve({ name: 'llama', concurrency: 1, scale: 'owner: external, max: 3, idle: 1s' });
    const load = [1, 2, 3].map(() => stage.ask('llama', lasting(1_000)));
    expect((await Promise.all(load)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(stage.asked('llama')).toBe(1);
    const writes = scaleWrites();
    stage.place.scale('llama', 2);
    await expect.poll(readyReplicas).toHaveLength(2);
    stage.place.scale('llama', 0);
    await expect.poll(readyReplicas).toHaveLength(0);
    expect((await stage.ask('llama')).status).toBe(200);
    expect(stage.asked('llama')).toBe(1);
    // Two by kubectl, one by the gateway.
    expect(scaleWrites() - writes).toBe(3);
  });

  it('is told of as contested when a manifest with replicas is applied again and again', async () => {
    applyAs('kubectl', 0);
    await stage.serve({ name: 'llama' });
    for (let round = 0; round < 2; round++) {
      expect((await stage.ask('llama')).status).toBe(200);
      applyAs('argocd-controller', 0);
      await expect.poll(readyReplicas).toHaveLength(0);
    }
    const { conditions } = await stage.view('llama');
    expect(conditions.map(({ type }) => type)).toContain('ReplicasContested');
    const { message } = conditions.find(({ type }) => type === 'ReplicasContested')!;
    expect(message).toMatch(/argocd-controller.*ignoreDifferences/);
    expect((await stage.ask('llama')).status).toBe(200);
  });
});

describe('a StatefulSet', () => {
  it('is drained from its highest ordinal, whose stream ends before it does', async () => {
    const [manifest, service] = deployment({ name: 'llama', gpus: 0, script: { 'drain-ms': 10 } }) as [
      { kind: string; spec: object },
      object,
    ];
    const spec = { ...manifest.spec, serviceName: 'llama', podManagementPolicy: 'Parallel' };
    stage.place.apply([{ ...manifest, kind: 'StatefulSet', spec }, service]);
    await stage.serve({
      name: 'llama',
      target: 'statefulset/llama',
      concurrency: 1,
      scale: 'max: 2, idle: 2s',
    });
    const asked = () =>
      Number(stage.place.kubectl(['get', 'statefulset', 'llama', '-o', 'jsonpath={.spec.replicas}']));
    const both = [1, 2].map(() => stage.ask('llama', lasting(5_000)));
    await expect.poll(readyReplicas).toHaveLength(2);
    expect(asked()).toBe(2);
    const { replicas, removal } = await stage.view('llama');
    expect(removal).toBe('highest-ordinal');
    expect(replicas.map(({ origin }) => new URL(origin!).port)).toEqual(Array(2).fill(`${containerPort}`));
    expect((await Promise.all(both)).every(({ text }) => text.trimEnd().endsWith('[DONE]'))).toBe(true);
    // Both are idle, and one is busy again: whichever it is, its stream is whole.
    const long = stage.ask('llama', lasting(7_000));
    await expect.poll(asked, { interval: 200 }).toBe(1);
    const left = stage.place.list<{ metadata: { name: string; deletionTimestamp?: string } }>('pods');
    const staying = left.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    expect(staying.map(({ metadata }) => metadata.name)).toEqual(['llama-0']);
    expect((await long).text.trimEnd().endsWith('[DONE]')).toBe(true);
    await expect.poll(asked).toBe(0);
  });
});
