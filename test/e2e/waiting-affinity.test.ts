import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson, type Backend } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { ask, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** A gateway before three replicas, all of them ready. */
async function three(more: string, answer = answerJson) {
  const backends = [await world.backend(answer), await world.backend(answer), await world.backend(answer)];
  const gateway = await world.gatewayFor(backends, more);
  return { backends, gateway };
}

/** Which of the backends saw which texts. */
function seenBy(backends: readonly Backend[], read: (seen: Backend['seen'][number]) => string): string[][] {
  return backends.map(({ seen }) => [...new Set(seen.map(read))].sort());
}

async function serveAll(gateway: Gateway, headers: readonly Record<string, string>[]): Promise<void> {
  for (const one of headers) expect((await ask(gateway, {}, one).whole()).status).toBe(200);
}

describe('session affinity', () => {
  it.each([
    [
      'header',
      'session: { header: X-Session }',
      (id: string): Record<string, string> => ({ 'x-session': id }),
    ],
    [
      'cookie',
      'session: { cookie: sid }',
      (id: string): Record<string, string> => ({ cookie: `theme=dark; sid=${id}; a=b` }),
    ],
  ])(
    'by a %s keeps a session on one replica, and different ones on several',
    async (name, rule, headersOf) => {
      const { backends, gateway } = await three(`balance: { strategy: least, ${rule} }`);
      const ids = Array.from({ length: 11 }, (_, n) => `s${n}`);
      for (let round = 0; round < 4; round++)
        await serveAll(
          gateway,
          ids.map((id) => headersOf(id)),
        );
      const sessions = seenBy(backends, ({ headers }) =>
        String(name === 'header' ? headers['x-session'] : /sid=(\w+)/.exec(headers.cookie ?? '')?.[1]),
      );
      // Each session is seen by exactly one, and all of them together by more than one.
      expect(sessions.flat().sort()).toEqual(ids.toSorted());
      expect(sessions.filter((one) => one.length > 0).length).toBeGreaterThan(1);
    },
  );

  it('gives way while the replica is full, and comes back to it', async () => {
    const held: ServerResponse[] = [];
    const { backends, gateway } = await three(
      'concurrency: 1\n    balance: { session: { header: X-Session } }',
      (res, _req, body) => {
        if (body.includes('"isHeld":true')) held.push(res);
        else res.end('{}');
      },
    );
    const mine = { 'x-session': 'mine' };
    await serveAll(gateway, [mine]);
    const home = backends.findIndex(({ seen }) => seen.length === 1);
    const busy = ask(gateway, { isHeld: true }, mine);
    await expect.poll(() => held.length).toBe(1);
    expect(backends[home]!.seen).toHaveLength(2);
    await serveAll(gateway, [mine]);
    expect(backends[home]!.seen).toHaveLength(2);
    held[0]!.end('{}');
    await busy.end;
    await serveAll(gateway, [mine, mine]);
    expect(backends[home]!.seen).toHaveLength(4);
  });
});

const paragraph = (topic: string) => `${topic} `.repeat(400);
const talk = (system: string, user: string) => ({
  messages: [
    { role: 'system', content: system },
    { role: 'user', content: user },
  ],
});

describe('prefix affinity', () => {
  it('sends a prompt where its beginning was seen, and others elsewhere', async () => {
    const { backends, gateway } = await three('balance: { strategy: prefix }');
    const topics = ['tea', 'rain', 'stone', 'glass', 'wind', 'salt', 'moss', 'clay'];
    for (let turn = 0; turn < 4; turn++)
      for (const topic of topics) {
        const said = talk(paragraph(topic), `${paragraph(topic)} turn ${turn}`);
        expect((await ask(gateway, said).whole()).status).toBe(200);
      }
    const seen = seenBy(backends, ({ body }) => topics.find((topic) => body.includes(`${topic} ${topic}`))!);
    expect(seen.flat().sort()).toEqual(topics.toSorted());
    expect(seen.filter((one) => one.length > 0).length).toBeGreaterThan(1);
  });

  it('is bounded: a shared beginning does not make one replica hot', async () => {
    const held: ServerResponse[] = [];
    const { backends, gateway } = await three(
      'concurrency: 20\n    balance: { strategy: prefix, maxLoadFactor: 1.25 }',
      (res) => void held.push(res),
    );
    const shared = paragraph('everybody begins like this');
    const exchanges = [];
    for (let n = 0; n < 30; n++) {
      exchanges.push(ask(gateway, talk(shared, `question ${n}`)));
      await expect.poll(() => held.length, { interval: 1 }).toBe(n + 1);
    }
    // 1.25 times the mean of 10, rounded up.
    for (const { seen } of backends) expect(seen.length).toBeLessThanOrEqual(13);
    for (const res of held) res.end('{}');
    for (const exchange of exchanges) expect((await exchange.whole()).status).toBe(200);
  });
});
