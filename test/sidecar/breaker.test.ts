import { describe, expect, it } from 'vitest';
import { answerOk, type RawExchange } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

describe('the breaker', () => {
  it('with a concurrency of 1 takes eleven requests, one at a time, and refuses the twelfth', async () => {
    let running = 0;
    let peak = 0;
    const held: RawExchange[] = [];
    const app = await rig.app(async (exchange) => {
      peak = Math.max(peak, ++running);
      await exchange.whole();
      held.push(exchange);
    });
    await rig.start(app, { concurrency: 1 });
    const first = rig.client().write(rawRequest('/0'));
    await app.exchange(0);
    // Each is in the queue before the next is sent: a refused one would have been answered at once.
    const clients = Array.from({ length: 11 }, () => rig.client());
    for (const [index, client] of clients.entries()) client.write(rawRequest(`/${index + 1}`));
    const refused = await Promise.race(
      clients.map(async (client) => ({ client, answer: await client.answer() })),
    );
    expect(refused.answer).toMatchObject({ status: 503, body: 'pending request queue full\n' });
    expect(refused.answer.fields.get('content-type')).toMatch(/^text\/plain/);
    const accepted = [first, ...clients.filter((client) => client !== refused.client)];
    for (let served = 0; served < 11; served++) {
      await expect.poll(() => held.length).toBe(served + 1);
      running--;
      await held[served]!.answer('ok');
    }
    const statuses = await Promise.all(accepted.map(async (client) => (await client.answer()).status));
    expect(statuses).toEqual(Array(11).fill(200));
    expect(peak).toBe(1);
    expect(app.exchanges).toHaveLength(11);
  });

  it('with a concurrency of 3 lets three through at once and no more', async () => {
    let running = 0;
    let peak = 0;
    const app = await rig.app(async (exchange) => {
      peak = Math.max(peak, ++running);
      await exchange.whole();
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      await exchange.answer('ok');
    });
    await rig.start(app, { concurrency: 3 });
    const answers = await Promise.all(
      Array.from({ length: 33 }, () => rig.client().write(rawRequest('/')).answer()),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(33).fill(200));
    expect(peak).toBe(3);
  });

  it('with a concurrency of 0 has no limit and no queue', async () => {
    const held: RawExchange[] = [];
    const app = await rig.app((exchange) => {
      held.push(exchange);
    });
    await rig.start(app, { concurrency: 0 });
    const clients = Array.from({ length: 200 }, () => rig.client().write(rawRequest('/')));
    await expect.poll(() => held.length).toBe(200);
    for (const exchange of held) await exchange.answer('ok');
    const statuses = await Promise.all(clients.map(async (client) => (await client.answer()).status));
    expect(statuses).toEqual(Array(200).fill(200));
  });

  it('serves those who wait in the order in which they came', async () => {
    const held: RawExchange[] = [];
    const app = await rig.app((exchange) => {
      held.push(exchange);
    });
    await rig.start(app, { concurrency: 1 });
    rig.client().write(rawRequest('/0'));
    await app.exchange(0);
    // On one connection each they are read when they come; a turn of the loop between them keeps the order.
    for (let index = 1; index <= 5; index++) {
      await rig.client().send(rawRequest(`/${index}`));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (let index = 0; index <= 5; index++) {
      await expect.poll(() => held.length).toBe(index + 1);
      await held[index]!.answer('ok');
    }
    expect(held.map(({ path }) => path)).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
  });

  it('keeps connections to the app and uses them again', async () => {
    const app = await rig.app(answerOk);
    let connections = 0;
    app.onConnection = () => connections++;
    await rig.start(app, { concurrency: 1 });
    const client = rig.client();
    for (let count = 0; count < 20; count++) {
      client.write(rawRequest('/', 'body'));
      expect(await client.next()).toMatchObject({ status: 200, body: 'ok' });
    }
    expect(connections).toBe(1);
  });
});
