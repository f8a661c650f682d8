import { describe, expect, it } from 'vitest';
import type { RawExchange } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

/** One sample of what Prometheus reads. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

async function samples(): Promise<Sample[]> {
  const response = await fetch(`http://127.0.0.1:${rig.sidecar.ports.metrics}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', text = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const pairs = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      (match) => [match[1]!, match[2]!] as const,
    );
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

const duration = 'kn_serving_invocation_duration_seconds';

async function counted(status: string): Promise<number> {
  const found = (await samples()).filter(
    ({ name, labels }) => name === `${duration}_count` && labels.http_response_status_code === status,
  );
  return found.reduce((sum, { value }) => sum + value, 0);
}

const probe = rawRequest('/', null, 'user-agent: kube-probe/1.36\r\nk-network-probe: queue\r\n', 'GET');
const networkProbe = rawRequest('/', null, 'k-network-probe: probe\r\nk-network-hash: a\r\n', 'GET');

describe('metrics under the names of Knative', () => {
  it('invocations are a histogram by status with its buckets', async () => {
    const app = await rig.app((exchange) =>
      exchange.answer('', exchange.path === '/no' ? '404 Not Found' : '200 OK'),
    );
    await rig.start(app);
    for (let count = 0; count < 3; count++) await rig.client().write(rawRequest('/', 'x')).answer();
    await rig.client().write(rawRequest('/no', 'x')).answer();
    await expect.poll(() => counted('200')).toBe(3);
    await expect.poll(() => counted('404')).toBe(1);
    const buckets = (await samples())
      .filter(
        ({ name, labels }) => name === `${duration}_bucket` && labels.http_response_status_code === '200',
      )
      .map(({ labels }) => labels.le);
    const bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
    expect(buckets).toEqual([...bounds.map(String), '+Inf']);
  });

  it('a long answer counts with its length', async () => {
    const app = await rig.app(async (exchange) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await exchange.answer('ok');
    });
    await rig.start(app);
    await rig.client().write(rawRequest('/', 'x')).answer();
    const sum = async () => (await samples()).find(({ name }) => name === `${duration}_sum`)?.value;
    await expect.poll(sum).toBeGreaterThan(0.29);
    expect(await sum()).toBeLessThan(1);
  });

  it('the depth of the queue is a gauge', async () => {
    const held: RawExchange[] = [];
    const app = await rig.app((exchange) => {
      held.push(exchange);
    });
    await rig.start(app, { concurrency: 1 });
    const clients = [rig.client().write(rawRequest('/', 'x'))];
    await app.exchange(0);
    for (let count = 0; count < 3; count++) clients.push(rig.client().write(rawRequest('/', 'x')));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await held[0]!.answer('ok');
    await app.exchange(1);
    const depth = async () => (await samples()).find(({ name }) => name === 'kn_serving_queue_depth')?.value;
    // The original tells it as of the last request that got its slot, and counts those that run.
    await expect.poll(depth).toBeGreaterThanOrEqual(2);
    expect(await depth()).toBeLessThanOrEqual(4);
  });

  it('probes count in none of them', async () => {
    const app = await rig.app((exchange) => exchange.answer('ok'));
    await rig.start(app);
    for (const bytes of [probe, networkProbe]) await rig.client('GET').write(bytes).answer();
    await rig.client().write(rawRequest('/', 'x')).answer();
    await expect.poll(() => counted('200')).toBe(1);
    const all = (await samples()).filter(({ name }) => name.endsWith('_count') && !name.startsWith('go_'));
    expect(all.filter(({ value }) => value > 1)).toEqual([]);
  });

  it('requests are told apart by the tag of their route', async () => {
    const app = await rig.app((exchange) => exchange.answer('ok'));
    await rig.start(app);
    const fields = [
      '',
      'knative-serving-tag: blue\r\n',
      'knative-serving-default-route: true\r\n',
      'knative-serving-tag: x\r\nknative-serving-default-route: true\r\n',
    ];
    for (const lines of fields)
      await rig
        .client()
        .write(rawRequest('/', 'x', lines))
        .answer();
    const tags = async () => {
      const found = (await samples()).filter(
        ({ name }) => name === 'http_server_request_duration_seconds_count',
      );
      return found.map(({ labels }) => labels.kn_route_tag).toSorted();
    };
    await expect.poll(tags).toEqual(['blue', 'kn:default', 'kn:disabled', 'kn:undefined']);
  });

  it('the resource tells the revision', async () => {
    const app = await rig.app((exchange) => exchange.answer('ok'));
    await rig.start(app);
    const info = (await samples()).find(({ name }) => name === 'target_info')!;
    expect(info.labels).toMatchObject({
      kn_service_name: 'hello',
      kn_configuration_name: 'hello',
      kn_revision_name: 'hello-00001',
      k8s_namespace_name: 'default',
      container_name: 'queue-proxy',
    });
  });
});
