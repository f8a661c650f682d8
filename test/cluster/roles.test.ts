import { afterAll, beforeAll, expect, it } from 'vitest';
import { componentByKey, type Grant, grantedByRole } from '../packaging/deploy-files.ts';
import { requestsOf } from './support/audit.ts';
import { ChildGateway } from './support/child-gateway.ts';
import { deployment, TestNamespace } from './support/cluster.ts';
import { HoldingProxy } from './support/holding-proxy.ts';
import { installRoles } from './support/install.ts';
import { mustKubectl } from './support/kubectl.ts';
import { serveOtherKinds } from './support/other-kinds.ts';

const account = 'pilotlight';
const idle = '2s';

let place: TestNamespace;
let gateway: ChildGateway;
let proxy: HoldingProxy;
let takeAway: () => void;

/** A model by each door, on each kind. `filed` is found through its Service, which says the port. */
const models = `  filed:
    backend: { driver: kubernetes, scaleTarget: deployment/filed, service: filed }
    concurrency: 1
    scale: { max: 2, idle: ${idle} }
  routed:
    backend:
      driver: kubernetes
      scaleTarget: deployment/routed
      service: routed
      route: service
      ready: { startup: 3s }
  groups:
    backend:
      driver: kubernetes
      scaleTarget: { apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, name: groups }
      ready: { startup: 1s }
  served:
    backend:
      driver: kubernetes
      scaleTarget: { apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, name: served }
      ready: { startup: 1s }
  crashing:
    backend: { driver: kubernetes, scaleTarget: deployment/crashing, port: 8000 }
`;

function workloads(): object[] {
  const noGpu = { gpus: 0 };
  const as = (name: string, kind: string, more: object, annotations = {}) => {
    const [manifest] = deployment({ name, ...noGpu }) as [{ spec: object }];
    const metadata = { name, annotations };
    return { ...manifest, kind, metadata, spec: { ...manifest.spec, ...more } };
  };
  const annotations = { 'pilotlight.dev/model': 'annotated', 'pilotlight.dev/idle': idle };
  const spec = { backend: { scaleTarget: 'replicaset/described' }, scale: { idle } };
  const of = (apiVersion: string, kind: string, name: string, fields: object = {}) => ({
    apiVersion,
    kind,
    metadata: { name },
    spec: fields,
  });
  return [
    ...deployment({ name: 'filed', ...noGpu }),
    ...deployment({ name: 'routed', ...noGpu }),
    ...deployment({ name: 'crashing', ...noGpu, script: { fault: 'crash', log: 'no CUDA device' } }),
    as('annotated', 'StatefulSet', { serviceName: 'annotated' }, annotations),
    as('described', 'ReplicaSet', {}),
    of('pilotlight.dev/v1alpha1', 'Model', 'described', spec),
    of('leaderworkerset.x-k8s.io/v1', 'LeaderWorkerSet', 'groups', { replicas: 0 }),
    of('serving.kserve.io/v1beta1', 'InferenceService', 'served'),
  ];
}

beforeAll(async () => {
  const { clusters } = JSON.parse(mustKubectl(['config', 'view', '-o', 'json']));
  proxy = await HoldingProxy.start(clusters[0].cluster.server);
  takeAway = serveOtherKinds();
  place = new TestNamespace();
  installRoles(
    place.name,
    Object.keys(componentByKey).map((key) => `rbac.${key}=true`),
  );
  place.apply(workloads());
});
afterAll(async () => {
  await gateway?.end();
  proxy.close();
  place.close();
  takeAway();
});

const lineOf = ({ verb, group, resource }: Pick<Grant, 'verb' | 'group' | 'resource'>) =>
  `${verb} ${group === '' ? '' : `${group}/`}${resource}`;
const requests = () => requestsOf(place.name, account);
const used = () => new Set(requests().map(lineOf));
const granted = new Set(Object.values(grantedByRole()).flat().map(lineOf));
const replicas = (target: string) =>
  Number(place.kubectl(['get', target, '-o', 'jsonpath={.spec.replicas}']));

/** Wakes a model, and changes its workload while the write of its count is on its way: it is refused, and the count read. */
async function contend(model: string, target: string): Promise<void> {
  await expect.poll(() => replicas(target)).toBe(0);
  proxy.hold();
  const asked = gateway.ask(model).then((response) => response.text());
  await expect.poll(() => proxy.heldBytes).toBeGreaterThan(0);
  place.kubectl(['annotate', target, '--overwrite', `example.com/touched=${Date.now()}`]);
  proxy.release();
  await asked;
}

it('a gateway needs each verb that its Roles grant, and no other', async () => {
  gateway = await ChildGateway.start({
    namespace: place.name,
    account,
    models,
    server: proxy.url,
    kubernetes: 'discovery: { models: true, annotations: true }',
  });
  await gateway.leads();
  for (const model of ['filed', 'annotated', 'described'])
    expect((await gateway.ask(model)).status, model).toBe(200);
  expect((await gateway.askError('crashing')).message).toContain('no CUDA device');
  // No address of a Service answers here, and nobody makes pods of the others.
  await Promise.all(['routed', 'groups', 'served'].map((model) => gateway.ask(model)));
  // Two at work, of which one is done sooner: the idle one is marked, and ends.
  const work = { stream: true, ignore_eos: true };
  const long = gateway.ask('filed', { ...work, max_tokens: 15_000 }).then((response) => response.text());
  const short = gateway.ask('filed', { ...work, max_tokens: 2_000 }).then((response) => response.text());
  await expect.poll(() => replicas('deployment/filed')).toBe(2);
  await short;
  await expect.poll(() => replicas('deployment/filed')).toBe(1);
  expect((await long).trimEnd().endsWith('[DONE]')).toBe(true);
  for (const target of ['statefulset/annotated', 'replicaset/described', 'deployment/filed'])
    await expect.poll(() => replicas(target)).toBe(0);
  const phase = () => place.kubectl(['get', 'model', 'described', '-o', 'jsonpath={.status.phase}']);
  await expect.poll(phase).toMatch(/./);
  const starts = () => place.kubectl(['get', 'configmap', 'pilotlight-starts', '-o', 'jsonpath={.data}']);
  await expect.poll(starts).toContain('described');
  const read = (plural: string) => used().has(`get apps/${plural}/scale`);
  // A renewal of the lease may be what is kept in place of the write.
  while (!read('deployments')) await contend('filed', 'deployment/filed');
  while (!read('statefulsets')) await contend('annotated', 'statefulset/annotated');
  while (!read('replicasets')) await contend('described', 'replicaset/described');
  await expect.poll(() => [...granted].filter((grant) => !used().has(grant))).toEqual([]);
  const refused = requests().filter(({ status }) => status === 403 || status === 401);
  expect(refused.map((request) => `${lineOf(request)} ${request.path}`)).toEqual([]);
  // Of what is not of the cluster as a whole (/apis), nothing else was asked for.
  expect([...used()].filter((line) => !granted.has(line) && line !== 'get ')).toEqual([]);
}, 300_000);
