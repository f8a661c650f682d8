import { afterEach, beforeEach, expect, it } from 'vitest';
import { requestsOf } from './support/audit.ts';
import { ChildGateway } from './support/child-gateway.ts';
import { deployment, TestNamespace } from './support/cluster.ts';
import { installRoles } from './support/install.ts';

const account = 'pilotlight';
const script = {
  fault: 'crash',
  'run-ms': 300,
  'backoff-ms': 400,
  'exit-code': 3,
  log: 'Traceback (most recent call last):\n\u001b[31mRuntimeError:\u001b[0m run {run} found no CUDA device\n',
};
/** By the file, and by an object with a status. */
const models = `  llama:
    backend: { driver: kubernetes, scaleTarget: deployment/llama, port: 8000 }
`;
const described = {
  apiVersion: 'pilotlight.dev/v1alpha1',
  kind: 'Model',
  metadata: { name: 'described' },
  spec: { backend: { scaleTarget: 'deployment/described', port: 8000 } },
};

let place: TestNamespace;
let gateway: ChildGateway;
beforeEach(() => {
  place = new TestNamespace();
  for (const name of ['llama', 'described']) place.apply(deployment({ name, gpus: 0, script }));
});
afterEach(async () => {
  await gateway?.end();
  place.close();
});

async function serveWith(...set: string[]): Promise<void> {
  installRoles(place.name, set);
  place.apply([described]);
  const kubernetes = 'discovery: { models: true }';
  gateway = await ChildGateway.start({ namespace: place.name, account, models, kubernetes });
  await gateway.leads();
}

/** Requests for logs, by their answers. */
const logReads = () =>
  requestsOf(place.name, account)
    .filter(({ resource }) => resource === 'pods/log')
    .map(({ status }) => status);
const statusOf = (name: string) => place.kubectl(['get', 'model', name, '-o', 'jsonpath={.status}']);

it('a crash loop is told with the last line of the log of the run that ended last', async () => {
  await serveWith('rbac.podLogs=true');
  const words = 'exits again and again: exit code 3: RuntimeError: run 2 found no CUDA device';
  const answers = await Promise.all(['llama', 'llama', 'described'].map((name) => gateway.askError(name)));
  for (const { status, code, message } of answers) {
    expect([status, code]).toEqual([503, 'start_failed']);
    expect(message).toContain(words);
    expect(message).not.toContain('Traceback');
  }
  expect(JSON.stringify((await gateway.view('llama')).lastStarts)).toContain(words);
  await expect.poll(() => statusOf('described')).toContain(words);
});

it('without the Role for logs it is told without, the log of no pod is asked for again, and one line says why', async () => {
  await serveWith();
  for (const model of ['llama', 'described']) {
    const { status, code, message } = await gateway.askError(model);
    expect([status, code]).toEqual([503, 'start_failed']);
    expect(message).toMatch(/container "server" exits again and again: exit code 3(?!:)/);
    expect(message).not.toMatch(/pods\/log|forbidden/);
  }
  const said = gateway.log.filter(({ msg }) => String(msg).includes('pods/log'));
  expect(said).toMatchObject([{ namespace: place.name, msg: expect.stringContaining('a Role must grant') }]);
  await expect.poll(logReads).toEqual([403]);
});
