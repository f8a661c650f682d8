import { setTimeout as pause } from 'node:timers/promises';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

interface Stat {
  readonly pod_name: string;
  readonly average_concurrent_requests: number;
  readonly average_proxied_concurrent_requests: number;
  readonly request_count: number;
  readonly proxied_request_count: number;
  readonly process_uptime: number;
  readonly timestamp: number;
}

const definitions = loadSync(new URL('support/stat.proto', import.meta.url).pathname, {
  keepCase: true,
  longs: Number,
  defaults: true,
});
const service = definitions['metrics.Stats'] as unknown as {
  readonly Read: { responseDeserialize(bytes: Buffer): Stat };
};

async function read(): Promise<Stat> {
  const response = await fetch(`http://127.0.0.1:${rig.sidecar.ports.stats}/metrics`);
  expect(response.headers.get('content-type')).toBe('application/protobuf');
  return service.Read.responseDeserialize(Buffer.from(await response.arrayBuffer()));
}

/** The reports of so many seconds, one of each: a new one is there once a second. */
async function reports(count: number): Promise<Stat[]> {
  const found: Stat[] = [];
  const uptimes = new Set<number>();
  while (found.length < count) {
    const stat = await read();
    if (!uptimes.has(stat.process_uptime)) {
      uptimes.add(stat.process_uptime);
      found.push(stat);
    }
    await pause(20);
  }
  return found;
}

/** An app whose answers take so long. */
async function start(answerMs: number, options: Parameters<typeof rig.start>[1] = {}) {
  const app = await rig.app(async (exchange) => {
    await pause(answerMs);
    await exchange.answer('ok');
  });
  await rig.start(app, options);
  return app;
}

const send = (fields = '') =>
  rig
    .client()
    .write(rawRequest('/', 'x', fields))
    .answer();

const sum = (
  stats: readonly Stat[],
  key:
    | 'average_concurrent_requests'
    | 'average_proxied_concurrent_requests'
    | 'request_count'
    | 'proxied_request_count',
) => stats.reduce((total, stat) => total + stat[key], 0);

describe('the statistics of the autoscaler', () => {
  it('name the pod and how long it has been up', async () => {
    await start(0);
    const [, first, second] = await reports(3);
    expect(first!.pod_name).toBe('hello-00001-deployment-7d9c-x2x4v');
    expect(second!.process_uptime - first!.process_uptime).toBeGreaterThan(0.8);
    expect(second!.process_uptime - first!.process_uptime).toBeLessThan(1.5);
    expect(first).toMatchObject({ average_concurrent_requests: 0, request_count: 0 });
  });

  it('two requests of 500 ms in a second are 1.0', async () => {
    await start(500);
    await reports(2);
    await Promise.all([send(), send()]);
    // They may lie in two reports; what they were at once adds up to the same.
    const found = [await read(), ...(await reports(2)).slice(1)];
    const total = sum(found, 'average_concurrent_requests');
    expect(total).toBeGreaterThan(0.9);
    expect(total).toBeLessThan(1.15);
  });

  it('ten at once for three seconds are ten', async () => {
    await start(3_000);
    await reports(2);
    const answers = Array.from({ length: 10 }, () => send());
    const found = await reports(4);
    expect(Math.max(...found.map((stat) => stat.average_concurrent_requests))).toBeCloseTo(10, 1);
    await Promise.all(answers);
  });

  it('who waits in the queue counts as well', async () => {
    await start(1_000, { concurrency: 1 });
    await reports(2);
    const answers = [send(), send(), send()];
    const found = await reports(4);
    expect(Math.max(...found.map((stat) => stat.average_concurrent_requests))).toBeGreaterThan(2);
    await Promise.all(answers);
  });

  it('requests are counted once, and those of the activator by themselves too', async () => {
    await start(0);
    await reports(2);
    const reading = reports(4);
    for (let count = 0; count < 7; count++) await send(count < 3 ? 'k-proxy-request: activator\r\n' : '');
    const found = await reading;
    expect(sum(found, 'request_count')).toBeCloseTo(7, 5);
    expect(sum(found, 'proxied_request_count')).toBeCloseTo(3, 5);
    expect(sum(found, 'average_proxied_concurrent_requests')).toBeLessThan(
      sum(found, 'average_concurrent_requests') + 1e-9,
    );
  });

  it('probes count in none', async () => {
    await start(0);
    await reports(2);
    const reading = reports(3);
    for (const fields of [
      'user-agent: kube-probe/1.36\r\nk-network-probe: queue\r\n',
      'user-agent: Knative-Activator-Probe\r\nk-network-probe: queue\r\n',
      'k-network-probe: probe\r\nk-network-hash: x\r\n',
    ]) {
      await rig
        .client('GET')
        .write(rawRequest('/', null, fields, 'GET'))
        .answer();
    }
    expect(sum(await reading, 'request_count')).toBe(0);
  });
});
