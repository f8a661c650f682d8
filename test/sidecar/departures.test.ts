import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RawExchange } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { itsOwn } from './support/under-test.ts';

const rig = useSidecarRig();

describe('a client that leaves', () => {
  it.each(['fin', 'rst'] as const)(
    'while it waits (%s) leaves the queue, and its request never reaches the app',
    async (how) => {
      const held: RawExchange[] = [];
      const app = await rig.app((exchange) => {
        held.push(exchange);
      });
      await rig.start(app, { concurrency: 1 });
      const first = rig.client().write(rawRequest('/first'));
      await app.exchange(0);
      const leaving = Array.from({ length: 10 }, () => rig.client());
      for (const client of leaving) await client.send(rawRequest('/leaves'));
      await pause(100);
      for (const client of leaving) {
        client.leave(how);
        client.destroy();
      }
      await pause(200);
      // Their ten places are free: ten more wait and none is refused.
      const more = Array.from({ length: 10 }, (_, index) => rig.client().write(rawRequest(`/more${index}`)));
      for (let served = 0; served < 11; served++) {
        await expect.poll(() => held.length).toBe(served + 1);
        await held[served]!.answer('ok');
      }
      const statuses = await Promise.all(
        [first, ...more].map(async (client) => (await client.answer()).status),
      );
      expect(statuses).toEqual(Array(11).fill(200));
      expect(app.exchanges.map(({ path }) => path).filter((path) => path === '/leaves')).toEqual([]);
    },
  );

  // The original reads nothing of a body until it has a slot, and sees no departure behind it.
  itsOwn.each([
    ['under way', 1_000_000, 20_000],
    ['of 600 KB', 600_000, 600_000],
  ])('while it waits with a body %s leaves the queue', async (_how, announced, sent) => {
    const held: RawExchange[] = [];
    const app = await rig.app((exchange) => {
      held.push(exchange);
    });
    await rig.start(app, { concurrency: 1 });
    rig.client().write(rawRequest('/first'));
    await app.exchange(0);
    const leaving = rig
      .client()
      .write(`POST /leaves HTTP/1.1\r\nhost: a\r\ncontent-length: ${announced}\r\n\r\n${'x'.repeat(sent)}`);
    await pause(100);
    leaving.leave('rst');
    await pause(100);
    await held[0]!.answer('ok');
    rig.client().write(rawRequest('/after', 'x'));
    await expect.poll(() => app.exchanges.at(-1)!.path).toBe('/after');
    expect(app.exchanges.map(({ path }) => path)).toEqual(['/first', '/after']);
  });

  it.each(['fin', 'rst'] as const)(
    'while its request runs (%s) ends it at the app, and gives its slot back',
    async (how) => {
      const app = await rig.app(async (exchange) => {
        if (exchange.path === '/after') await exchange.answer('ok');
      });
      await rig.start(app, { concurrency: 1 });
      const client = rig.client().write(rawRequest('/leaves', 'x'));
      const exchange = await app.exchange(0);
      await exchange.whole();
      client.leave(how);
      if (how === 'fin') client.destroy();
      await exchange.closed();
      expect(await rig.client().write(rawRequest('/after', 'x')).answer()).toMatchObject({
        status: 200,
        body: 'ok',
      });
    },
  );

  it('in the middle of its answer ends it at the app', async () => {
    const app = await rig.app(async (exchange) => {
      if (exchange.path === '/after') return exchange.answer('ok');
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    });
    await rig.start(app, { concurrency: 1 });
    const client = rig.client().write(rawRequest('/leaves', 'x'));
    await client.until(/first/);
    client.leave('rst');
    await app.exchanges[0]!.closed();
    expect(await rig.client().write(rawRequest('/after', 'x')).answer()).toMatchObject({
      status: 200,
      body: 'ok',
    });
  });
});
