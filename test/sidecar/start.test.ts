import { describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

describe('a sidecar', () => {
  it('says how long it took to start, and what it holds when idle', async ({ annotate }) => {
    const app = await rig.app(answerOk);
    const times: number[] = [];
    for (let count = 0; count < 3; count++) {
      const sidecar = await rig.start(app);
      times.push(performance.now() - sidecar.startedAtMs);
      if (count < 2) await sidecar.close();
    }
    const answer = await rig.client().write(rawRequest('/', 'x')).answer();
    expect(answer).toMatchObject({ status: 200, body: 'ok' });
    const resident = rig.sidecar.residentBytes() / (1 << 20);
    await annotate(
      `exec -> ready ${times.map((ms) => ms.toFixed(0)).join(', ')} ms; ${resident.toFixed(1)} MiB resident`,
    );
    // Far from what is aimed at (300 ms, 64 MiB): this must hold on any machine that is busy.
    expect(Math.min(...times)).toBeLessThan(5_000);
    expect(resident).toBeLessThan(150);
  });

  it('listens on all of its ports, for any address of the machine', async () => {
    const sidecar = await rig.start(await rig.app(answerOk));
    const { serving, admin, stats, metrics } = sidecar.ports;
    for (const port of [serving, admin, stats, metrics]) await sidecar.untilListening(port);
    for (const host of ['127.0.0.1', '127.0.0.2', '[::1]']) {
      expect((await fetch(`http://${host}:${serving}/`, { method: 'POST', body: 'x' })).status).toBe(200);
    }
  });

  it('ends with an error when its port is taken', async () => {
    const app = await rig.app(answerOk);
    const first = await rig.start(app);
    await expect(
      rig
        .start(app, { env: { QUEUE_SERVING_PORT: String(first.ports.serving) } })
        .then((second) => second.exited()),
    ).rejects.toThrow(/ended with [1-9]/);
  });
});
