import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../support/gateway.ts';
import { ask, fixedModel, World, waitingAt } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

type Name = 'high' | 'normal' | 'low';

/**
 * One slot, taken while all of `arrivals` queue up in that order; the names of the answers in the order in which they
 * were served from then on.
 */
async function orderOf(arrivals: readonly { name: string; headers: Record<string, string> }[], rest = '') {
  const held: ServerResponse[] = [];
  const order: string[] = [];
  const backend = await world.backend((res, _req, body) => {
    const { name } = JSON.parse(body) as { name: string };
    if (name === 'first') held.push(res);
    else {
      order.push(name);
      res.end('{}');
    }
  });
  const gateway: Gateway = await world.gateway(fixedModel([backend.url], 'concurrency: 1'), rest);
  const key = arrivals[0]!.headers.authorization;
  const first = ask(gateway, { name: 'first' }, key === undefined ? {} : { authorization: key });
  await expect.poll(() => held.length).toBe(1);
  const exchanges = [];
  for (const [index, { name, headers }] of arrivals.entries()) {
    exchanges.push(ask(gateway, { name }, headers));
    await expect.poll(() => waitingAt(gateway), { interval: 1 }).toBe(index + 1);
  }
  held[0]!.end('{}');
  for (const exchange of [first, ...exchanges]) expect((await exchange.whole()).status).toBe(200);
  return order;
}

const asks = (name: Name) => ({ name, headers: { 'x-pilotlight-priority': name } });

describe('x-pilotlight-priority', () => {
  it('serves high before normal before low, 16:4:1 while all of them wait', async () => {
    const arrivals = [
      ...Array.from({ length: 3 }, () => asks('low')),
      ...Array.from({ length: 9 }, () => asks('normal')),
      ...Array.from({ length: 20 }, () => asks('high')),
    ];
    const order = await orderOf(arrivals);
    const count = (name: Name, end: number) => order.slice(0, end).filter((one) => one === name).length;
    expect(order[0]).toBe('high');
    // In every 21 that are served while all three wait, to one more or less.
    expect(Math.abs(count('high', 21) - 16)).toBeLessThanOrEqual(1);
    expect(Math.abs(count('normal', 21) - 4)).toBeLessThanOrEqual(1);
    // The one that is asked for least is not starved by the others, who were enough for all of them.
    expect(count('low', 21)).toBeGreaterThanOrEqual(1);
    expect(order).toHaveLength(32);
  });

  it('is capped by that of the key, and not raised by it', async () => {
    const of = (key: string, priority?: Name) => ({
      name: `${key} asks ${priority ?? 'nothing'}`,
      headers: {
        authorization: `Bearer key-of-${key}`,
        ...(priority === undefined ? {} : { 'x-pilotlight-priority': priority }),
      },
    });
    const auth = `auth: { keys: [${['high', 'normal', 'low']
      .map((name) => `{ name: ${name}, key: key-of-${name}, priority: ${name} }`)
      .join(', ')}] }`;
    const arrivals = [
      of('low', 'high'),
      of('normal', 'high'),
      of('high'),
      of('high', 'low'),
      of('high', 'high'),
    ];
    expect(await orderOf(arrivals, auth)).toEqual([
      'high asks high',
      'normal asks high',
      'high asks nothing',
      'low asks high',
      'high asks low',
    ]);
  });
});
