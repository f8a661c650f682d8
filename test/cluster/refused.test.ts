import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import { hasSuite, kubectl, mustKubectl } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;
const manifests = deployment({ name: 'llama', gpus: 0 });

/** What stops the cluster's own controllers from making a pod is told within this. */
const soonMs = 3_000;

/** The count goes back, the next is refused during the back-off, and after it the model serves. */
async function expectToHeal(mend: () => void): Promise<void> {
  await expect.poll(() => stage.asked('llama')).toBe(0);
  const refused = await stage.ask('llama');
  expect(refused).toMatchObject({ status: 503 });
  expect(Number(refused.headers.get('retry-after-ms'))).toBeGreaterThan(0);
  mend();
  await expect.poll(async () => (await stage.ask('llama')).status).toBe(200);
}

/** A policy of the API server that lets no pod into the namespace. */
function denial(namespace: string): object[] {
  const group = { apiVersion: 'admissionregistration.k8s.io/v1' };
  const pods = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };
  const validations = [{ expression: 'false', message: 'every model needs an owner' }];
  const named = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  const metadata = { name: namespace };
  return [
    {
      ...{ ...group, kind: 'ValidatingAdmissionPolicy', metadata },
      spec: { matchConstraints: { resourceRules: [pods] }, validations },
    },
    {
      ...{ ...group, kind: 'ValidatingAdmissionPolicyBinding', metadata },
      spec: {
        policyName: namespace,
        validationActions: ['Deny'],
        matchResources: { namespaceSelector: named },
      },
    },
  ];
}

/** Whether a pod would be let in. */
function isLetIn(): boolean {
  const args = ['run', 'trial', '--image=registry.example/trial', '--dry-run=server'];
  return kubectl(['-n', stage.place.name, ...args]).status === 0;
}

beforeEach(async () => {
  if (hasSuite) stage = await Stage.open();
});
afterEach(async () => {
  if (hasSuite) await stage.close();
});

describe.runIf(hasSuite)(
  'a start that the cluster refuses is told to who waits at once, in its words',
  () => {
    it('a quota that is used up is no_capacity', async () => {
      const metadata = { name: 'no-pods' };
      const spec = { hard: { pods: '0' } };
      stage.place.apply([...manifests, { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec }]);
      const hard = () =>
        stage.place.kubectl(['get', 'resourcequota', 'no-pods', '-o', 'jsonpath={.status.hard.pods}']);
      await expect.poll(hard).toBe('0');
      await stage.serve({ name: 'llama' });
      const answer = await stage.ask('llama');
      expect(answer).toMatchObject({ status: 503, code: 'no_capacity' });
      expect(answer.message).toMatch(/ReplicaSet "llama-\w+" creates no pod: .*exceeded quota: no-pods/);
      expect(answer.tookMs).toBeLessThan(soonMs);
      expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'failed', fault: 'quota' });
      await expectToHeal(() => stage.place.kubectl(['delete', 'resourcequota', 'no-pods']));
    });

    it('an admission policy', async () => {
      const objects = denial(stage.place.name);
      const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
      mustKubectl(['apply', '-f', '-'], input);
      try {
        await expect.poll(isLetIn).toBe(false);
        stage.place.apply(manifests);
        await stage.serve({ name: 'llama' });
        const answer = await stage.ask('llama');
        expect(answer).toMatchObject({ status: 503, code: 'start_failed' });
        expect(answer.message).toMatch(/creates no pod: .*denied request: every model needs an owner/);
        expect(answer.tookMs).toBeLessThan(soonMs);
        expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'failed', fault: 'admission' });
      } catch (error) {
        mustKubectl(['delete', '-f', '-'], input);
        throw error;
      }
      await expectToHeal(() => mustKubectl(['delete', '-f', '-'], input));
    });

    it('a Deployment that does not exist, until it does', async () => {
      await stage.serve({ name: 'llama' });
      const answer = await stage.ask('llama');
      expect(answer).toMatchObject({ status: 503, code: 'start_failed' });
      expect(answer.message).toMatch(/Deployment "llama".* not exist|deployment "llama".* not found/i);
      expect(answer.tookMs).toBeLessThan(soonMs);
      expect(await stage.lastStart('llama')).toMatchObject({ outcome: 'failed', fault: 'missing' });
      stage.place.apply(manifests);
      await expect.poll(async () => (await stage.ask('llama')).status).toBe(200);
    });
  },
);
