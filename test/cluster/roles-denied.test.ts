import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Rule } from '../packaging/deploy-files.ts';
import { ChildGateway } from './support/child-gateway.ts';
import { deployment, TestNamespace } from './support/cluster.ts';
import { installRoles } from './support/install.ts';

const models = `  llama:
    backend: { driver: kubernetes, scaleTarget: deployment/llama, port: 8000 }
    concurrency: 1
    scale: { max: 2, idle: 2s }
`;

let place: TestNamespace;
let gateway: ChildGateway | null = null;
beforeEach(() => {
  place = new TestNamespace();
  installRoles(place.name);
  place.apply(deployment({ name: 'llama', gpus: 0 }));
});
afterEach(async () => {
  await gateway?.end();
  gateway = null;
  place.close();
});

/** The gateway, whose Role for models lacks the rules of these resources. */
async function startWithout(...resources: string[]): Promise<ChildGateway> {
  const role = JSON.parse(place.kubectl(['get', 'role', 'pilotlight-models', '-o', 'json'])) as {
    rules: Rule[];
  };
  const rules = role.rules
    .map((rule) => ({ ...rule, resources: rule.resources.filter((name) => !resources.includes(name)) }))
    .filter((rule) => rule.resources.length > 0);
  place.kubectl(['patch', 'role', 'pilotlight-models', '--type=merge', '-p', JSON.stringify({ rules })]);
  gateway = await ChildGateway.start({ namespace: place.name, account: 'pilotlight', models });
  await gateway.leads();
  return gateway;
}

const replicas = () =>
  Number(place.kubectl(['get', 'deployment', 'llama', '-o', 'jsonpath={.spec.replicas}']));

it.each([
  ['deployments/scale', 'cannot patch resource "deployments/scale" in API group "apps" in the namespace'],
  ['pods', 'cannot list resource "pods" in API group "" in the namespace'],
  ['deployments', 'cannot list resource "deployments" in API group "apps" in the namespace'],
])('a client is told what a Role without %s has to grant', async (resource, words) => {
  const { status, code, message } = await (await startWithout(resource)).askError('llama');
  expect([status, code]).toEqual([503, 'start_failed']);
  expect(message).toContain(`${words} "${place.name}"`);
  expect(message).toContain('a Role must grant it');
  expect(replicas()).toBe(0);
});

it('without the Role for the deletion cost a count goes down only while nobody is busy, and that is told', async () => {
  const served = await startWithout();
  const work = { stream: true, ignore_eos: true };
  const long = served.ask('llama', { ...work, max_tokens: 12_000 }).then((response) => response.text());
  let isBusy = true;
  const noteEnd = () => {
    isBusy = false;
  };
  void long.then(noteEnd, noteEnd);
  const short = served.ask('llama', { ...work, max_tokens: 1_000 }).then((response) => response.text());
  await expect.poll(replicas).toBe(2);
  expect((await short).trimEnd().endsWith('[DONE]')).toBe(true);
  const conditions = async () =>
    ((await served.view('llama')).conditions as { type: string; message: string }[]).map(({ type }) => type);
  await expect.poll(conditions).toContain('NoDeletionCost');
  const countsWhileBusy = new Set<number>();
  const look = async () => {
    const asked = replicas();
    // What is in flight after the count was read was so before.
    if (Number((await served.view('llama')).inFlight) > 0) countsWhileBusy.add(asked);
    return isBusy;
  };
  await expect.poll(look, { timeout: 60_000, interval: 200 }).toBe(false);
  expect([...countsWhileBusy]).toEqual([2]);
  expect((await long).trimEnd().endsWith('[DONE]')).toBe(true);
  await expect.poll(replicas).toBe(0);
});
