import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-ports.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { World } from '../support/world.ts';
import { DrilledGateway, NotingBackend } from './drilled-gateway.ts';
import { allSucceed } from './outcomes.ts';
import { repeats, tell } from './repeats.ts';

const world = new World();
afterEach(() => world.close());

const webhooks = 'webhooks: { allow: [127.0.0.1], allowHttp: true, timeout: 1s }';

async function receiver(...args: Parameters<typeof startReceiver>): Promise<WebhookReceiver> {
  const started = await startReceiver(...args);
  world.onClose(() => started.close());
  return started;
}

const idsOf = ({ received }: WebhookReceiver) =>
  new Set(received.map(({ headers }) => headers['webhook-id']));

describe('receivers of webhooks', () => {
  it('that are slow, down, or lead to a private address delay nobody else, and are told when they are well', {
    timeout: 60_000 * repeats,
  }, async () => {
    const counted = { 'told at once': 0, 'told when well': 0, 'led astray': 0 };
    const backend = new NotingBackend();
    const backendUrl = await backend.listen(world);
    const gateway = new DrilledGateway(world, { backendUrl, store: 'sqlite', jobs: webhooks });
    await gateway.start();
    for (let round = 0; round < repeats; round++) {
      let areWell = false;
      const well = await receiver();
      const slow = await receiver((res) => areWell && res.writeHead(204).end());
      const hidden = await receiver(undefined, '127.0.0.2');
      const leading = await receiver((res) =>
        areWell ? res.writeHead(204).end() : res.writeHead(307, { location: hidden.url }).end(),
      );
      const downPort = await freePort();
      const jobs = Array.from({ length: 4 }, (_, n) => `job-${round}-${n}`);
      const urls = [slow.url, leading.url, `http://127.0.0.1:${downPort}/hook`];
      for (const [n, url] of urls.entries())
        expect(await gateway.put(`ill-${round}-${n}`, { webhook: url })).toBe(true);
      await Promise.all([slow.count(1), leading.count(1)]);
      for (const id of jobs) expect(await gateway.put(id, { webhook: well.url })).toBe(true);
      await well.count(4);
      counted['told at once'] += idsOf(well).size;
      areWell = true;
      const downAgain = await upAt(downPort);
      await Promise.all([slow.count(2), leading.count(2), downAgain]);
      await allSucceed(gateway, backend, [...jobs, ...urls.map((_, n) => `ill-${round}-${n}`)]);
      // Each its one webhook, under one id however often.
      expect([idsOf(well).size, well.received.length, idsOf(slow).size, idsOf(leading).size]).toEqual([
        4, 4, 1, 1,
      ]);
      counted['told when well'] += 3;
      counted['led astray'] += hidden.connections;
    }
    tell('receivers that are ill', counted);
    expect(counted['led astray']).toBe(0);
  });
});

/** Listens at the port of a receiver that was down; resolves when it was told. */
async function upAt(port: number): Promise<void> {
  const told = Promise.withResolvers<void>();
  const server = createServer((_, res) => {
    res.writeHead(204).end();
    told.resolve();
  });
  world.onClose(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await told.promise;
}
