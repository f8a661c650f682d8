import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AuditedRequest, requestsOf } from './support/audit.ts';
import { ChildGateway } from './support/child-gateway.ts';
import { deployment, TestNamespace } from './support/cluster.ts';
import { installRoles } from './support/install.ts';

const windowMs = 70_000;
const names = Array.from({ length: 20 }, (_, index) => `model-${index}`);

let place: TestNamespace;
let gateway: ChildGateway;
beforeAll(() => {
  place = new TestNamespace();
  installRoles(place.name, ['rbac.deletionCost=true']);
  const models = names.map((name) => ({
    apiVersion: 'pilotlight.dev/v1alpha1',
    kind: 'Model',
    metadata: { name },
    spec: { backend: { scaleTarget: `deployment/${name}`, port: 8000 }, scale: { idle: '1h' } },
  }));
  place.apply([...names.flatMap((name) => deployment({ name, gpus: 0 })), ...models]);
});
afterAll(async () => {
  await gateway?.end();
  place.close();
});

/** Processor time of the gateway so far, milliseconds: its own process_cpu_seconds_total, for /proc shows other numbers here. */
async function cpuMs(): Promise<number> {
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)$/m.exec(metrics)![1]) * 1_000;
}

const isRenewal = ({ verb, resource }: AuditedRequest) => resource === 'leases' && verb === 'update';

it('an idle gateway with 20 models, one of which runs, asks the API server for nothing but its lease', async () => {
  gateway = await ChildGateway.start({
    ...{ namespace: place.name, account: 'pilotlight' },
    kubernetes: 'discovery: { models: true, annotations: true }',
  });
  await gateway.leads();
  await expect.poll(async () => (await gateway.ask('model-0')).status).toBe(200);
  // What follows a start is over when everything that it taught was kept: that is written last, after 10 s.
  const starts = () => place.kubectl(['get', 'configmap', 'pilotlight-starts', '-o', 'jsonpath={.data}']);
  await expect.poll(starts).toContain('model-0');
  const fromMs = Date.now();
  const cpuFromMs = await cpuMs();
  await pause(windowMs);
  const cpuShare = ((await cpuMs()) - cpuFromMs) / windowMs;
  const asked = requestsOf(place.name, 'pilotlight').filter(({ atMs }) => atMs > fromMs);
  const others = asked.filter((request) => !isRenewal(request));
  console.info(
    `idle: ${asked.length - others.length} renewals in ${windowMs / 1_000} s, ${(cpuShare * 100).toFixed(2)} % of a core`,
  );
  expect(others.map(({ verb, path }) => `${verb} ${path}`)).toEqual([]);
  // Each 2 s.
  expect(asked.length).toBeLessThanOrEqual(windowMs / 2_000 + 1);
  expect(asked.length).toBeGreaterThan(windowMs / 2_000 - 5);
  expect(cpuShare).toBeLessThanOrEqual(0.01);
}, 150_000);
