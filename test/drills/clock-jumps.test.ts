import { afterEach, describe, expect, it } from 'vitest';
import { startReceiver } from '../support/webhook-receiver.ts';
import { World } from '../support/world.ts';
import { DrilledGateway, NotingBackend } from './drilled-gateway.ts';
import { allSucceed } from './outcomes.ts';
import { repeats, tell } from './repeats.ts';

const world = new World();
afterEach(() => world.close());

const clock = new URL('jumping-clock.mjs', import.meta.url).href;
const webhooks = 'webhooks: { allow: [127.0.0.1], allowHttp: true, timeout: 5s }';

/** Moves the gateway's clock to its next place; resolves with how many days it is off then. */
async function jump({ served }: DrilledGateway): Promise<number> {
  const places = () => served.log.filter((line) => 'clockOffDays' in line);
  const before = places().length;
  served.kill('SIGUSR2');
  await expect.poll(() => places().length).toBe(before + 1);
  return Number(places().at(-1)!.clockOffDays);
}

async function rig() {
  const backend = new NotingBackend();
  const backendUrl = await backend.listen(world);
  const nodeOptions = ['--import', clock];
  const gateway = new DrilledGateway(world, { backendUrl, store: 'sqlite', jobs: webhooks, nodeOptions });
  await gateway.start();
  return { backend, gateway };
}

describe('the wall clock jumping under a gateway', () => {
  it('moves no lease, no deadline, no retention and no webhook', { timeout: 60_000 * repeats }, async () => {
    const counted = { acknowledged: 0, jumps: 0, succeeded: 0, 'run again': 0, 'webhooks told': 0 };
    for (let round = 0; round < repeats; round++) {
      const { backend, gateway } = await rig();
      const triedAtMs: number[] = [];
      // Tried once in vain, so that its next try is due in some seconds.
      const to = await startReceiver((res, nth) => {
        triedAtMs.push(performance.now());
        res.writeHead(nth === 1 ? 503 : 204).end();
      });
      world.onClose(() => to.close());
      expect(await gateway.put('told', { webhook: to.url })).toBe(true);
      await to.count(1);
      backend.hold();
      const ids = Array.from({ length: 8 }, (_, n) => `job-${n}`);
      for (const id of ids) expect(await gateway.put(id)).toBe(true);
      await expect.poll(() => backend.waiting).toBe(4);
      for (const days of [10, -10, 0]) {
        expect(await jump(gateway)).toBe(days);
        counted.jumps++;
        // Made under that clock, it is as good as the others.
        expect(await gateway.put(`off-by-${days}`)).toBe(true);
        ids.push(`off-by-${days}`);
      }
      expect(await jump(gateway)).toBe(10);
      counted.jumps++;
      // Some leases long: they are renewed, and the webhook comes when it would have.
      await to.count(2);
      expect(triedAtMs[1]! - triedAtMs[0]!).toBeGreaterThan(3_700);
      expect(backend.waiting).toBe(4);
      backend.release();
      const { succeeded, again } = await allSucceed(gateway, backend, ['told', ...ids]);
      expect(new Set(to.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
      expect(to.received).toHaveLength(2);
      counted.acknowledged += ids.length + 1;
      counted.succeeded += succeeded;
      counted['run again'] += again;
      counted['webhooks told']++;
      await world.close();
    }
    tell('wall clock jumps', counted);
    expect(counted['run again']).toBe(0);
  });
});
