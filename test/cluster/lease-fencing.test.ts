import { afterEach, beforeEach, expect, it } from 'vitest';
import { requestsOf } from './support/audit.ts';
import { ChildGateway, type ChildGatewayOptions } from './support/child-gateway.ts';
import { deployment, TestNamespace } from './support/cluster.ts';
import { HoldingProxy } from './support/holding-proxy.ts';
import { mustKubectl } from './support/kubectl.ts';

const idleMs = 5_000;
const lease = 'lease: { duration: 3s, renewDeadline: 2s, retry: 500ms }';
const models = `  llama:
    backend: { driver: kubernetes, scaleTarget: deployment/llama, port: 8000 }
    scale: { max: 4, idle: ${idleMs}ms }
`;

let place: TestNamespace;
const gateways: ChildGateway[] = [];
beforeEach(() => {
  place = new TestNamespace();
  for (const account of ['first', 'second']) {
    place.kubectl(['create', 'serviceaccount', account]);
    const who = [`--clusterrole=cluster-admin`, `--serviceaccount=${place.name}:${account}`];
    place.kubectl(['create', 'rolebinding', account, ...who]);
  }
  place.apply(deployment({ name: 'llama', gpus: 0 }));
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.end();
  place.close();
});

async function start(options: Partial<ChildGatewayOptions>): Promise<ChildGateway> {
  const gateway = await ChildGateway.start({ namespace: place.name, kubernetes: lease, models, ...options });
  gateways.push(gateway);
  return gateway;
}

const replicas = () =>
  Number(place.kubectl(['get', 'deployment', 'llama', '-o', 'jsonpath={.spec.replicas}']));
const writesOf = (account: string) =>
  requestsOf(place.name, account).filter(({ verb }) => !['get', 'list', 'watch'].includes(verb));
const scalesOf = (account: string) =>
  writesOf(account).filter(({ resource }) => resource === 'deployments/scale');

it('a leader that was frozen admits nothing and writes nothing after it wakes', async () => {
  const leader = await start({ account: 'first' });
  await leader.leads();
  expect((await leader.ask('llama')).status).toBe(200);
  const idleAtMs = performance.now() + idleMs;
  const standby = await start({ account: 'second' });
  leader.kill('SIGSTOP');
  await standby.leads();
  place.scale('llama', 2);
  // Its timer has run out meanwhile: awake, it would scale to zero at once.
  await expect.poll(() => performance.now() > idleAtMs).toBe(true);
  const before = writesOf('first').length;
  leader.kill('SIGCONT');
  const refused = await leader.askError('llama');
  expect(refused).toMatchObject({ status: 503, code: 'standby' });
  const leaderName = place.kubectl(['get', 'lease', 'pilotlight', '-o', 'jsonpath={.spec.holderIdentity}']);
  await expect.poll(() => leader.ready()).toEqual({ code: 503, status: `on standby: ${leaderName} leads` });
  // It has looked at the lease since, and more than once.
  const reads = () =>
    requestsOf(place.name, 'first').filter(({ verb, resource }) => verb === 'get' && resource === 'leases');
  const readsBefore = reads().length;
  await expect.poll(() => reads().length).toBeGreaterThan(readsBefore + 3);
  const late = writesOf('first').slice(before);
  // A renewal that was under way may still be tried, and is refused.
  expect(late.filter(({ resource, status }) => resource !== 'leases' || status !== 409)).toEqual([]);
  expect(scalesOf('first')).toHaveLength(1);
  expect(replicas()).toBe(2);
  expect((await standby.ask('llama')).status).toBe(200);
});

it('a write of an ex-leader that the network delivers late is rejected', async () => {
  const server = JSON.parse(mustKubectl(['config', 'view', '-o', 'json'])).clusters[0].cluster.server;
  const proxy = await HoldingProxy.start(server);
  try {
    const leader = await start({ account: 'first', server: proxy.url });
    await leader.leads();
    // What it does not see yet it does not write.
    await expect.poll(() => leader.view('llama')).toMatchObject({ desired: 0, isStale: false });
    proxy.hold();
    // Raises the count, and waits for an answer that does not come.
    const asked = leader.askError('llama');
    const standby = await start({ account: 'second' });
    await standby.leads();
    expect((await standby.ask('llama')).status).toBe(200);
    place.scale('llama', 3);
    expect(scalesOf('first')).toEqual([]);
    proxy.release();
    await expect.poll(() => scalesOf('first').map(({ status }) => status)).toEqual([409]);
    expect(replicas()).toBe(3);
    // Its waiter was admitted before, and is served by what the other one started.
    expect(await asked).toMatchObject({ status: 200 });
  } finally {
    proxy.close();
  }
}, 90_000);
