import { describe, expect } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { choosePorts, SidecarProcess } from './support/sidecar-process.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { itsOwn } from './support/under-test.ts';

const rig = useSidecarRig();

/** A sidecar with nothing of Knative in its environment; the ports are only for tests beside each other. */
async function start(app: number, concurrency: number): Promise<SidecarProcess> {
  const ports = await choosePorts();
  const sidecar = new SidecarProcess(ports, {
    USER_PORT: String(app),
    CONTAINER_CONCURRENCY: String(concurrency),
    QUEUE_SERVING_PORT: String(ports.serving),
    PILOTLIGHT_ADMIN_PORT: String(ports.admin),
    PILOTLIGHT_STATS_PORT: String(ports.stats),
    METRICS_PROMETHEUS_PORT: String(ports.metrics),
  });
  rig.onClose(() => sidecar.close());
  await sidecar.untilListening(ports.serving);
  return sidecar;
}

describe('in plain mode', () => {
  itsOwn('two variables are enough to limit what a container gets', async () => {
    let running = 0;
    let peak = 0;
    const app = await rig.app(async (exchange) => {
      peak = Math.max(peak, ++running);
      await exchange.whole();
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
      await exchange.answer('ok');
    });
    const { ports } = await start(Number(new URL(app.url).port), 2);
    const send = () => rig.client('POST', ports.serving).write(rawRequest('/', 'x')).answer();
    const answers = await Promise.all(Array.from({ length: 22 }, send));
    expect(answers.map(({ status }) => status)).toEqual(Array(22).fill(200));
    expect(peak).toBe(2);
    const metrics = await (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text();
    expect(metrics).toMatch(/kn_serving_invocation_duration_seconds_count\{[^}]*\} 22/);
  });

  itsOwn('it is ready when the port of the container takes connections', async () => {
    const [port] = await freePorts(1);
    const { ports } = await start(port!, 1);
    const fields = 'user-agent: kube-probe/1.36\r\nk-network-probe: queue\r\n';
    const ready = async () => {
      const client = rig.client('GET', ports.serving);
      return (await client.write(rawRequest('/', null, fields, 'GET')).answer()).status;
    };
    expect(await ready()).toBe(503);
    const app = await rig.app(answerOk, port);
    await expect.poll(ready).toBe(200);
    expect(app.faults).toEqual([]);
  });
});
