import { afterEach, expect, it } from 'vitest';
import { ask, viewOf, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** Answers after 5 s; its probe passes from the start. */
const slowScript = `
  require('http').createServer((req, res) => {
    if (req.url === '/health') return res.end();
    req.resume();
    setTimeout(() => res.writeHead(200, { 'content-type': 'application/json' }).end('{}'), 5_000);
  }).listen(+process.argv[1], '127.0.0.1');
`;

/** Two at once per replica, of which 1.4 are aimed at; no burst is provided for, so that the grace is a whole one. */
const model = `
  m:
    backend: { driver: process, command: ${JSON.stringify([process.execPath, '-e', slowScript, '{port}'])} }
    concurrency: 2
    scale: { max: 5, policy: kpa, kpa: { window: 6s, scaleToZeroGrace: 2s, targetBurstCapacity: 0 } }
`;

it('policy kpa starts one for the first request, more for a burst that lasts, and ends all when window and grace are over', {
  timeout: 60_000,
}, async () => {
  const gateway = await world.gateway(model);
  const read = async () =>
    (await viewOf(gateway)) as Awaited<ReturnType<typeof viewOf>> & { decision: string };
  const count = async () => (await read()).replicas.filter(({ state }) => state === 'ready').length;
  const until = (wanted: number) => expect.poll(count, { timeout: 30_000, interval: 50 }).toBe(wanted);
  const exchanges = Array.from({ length: 4 }, () => ask(gateway));
  await until(1);
  expect((await read()).decision).toContain('stable: 1 x 1.4 for 1 at once over 6s');
  await until(3);
  const { decision } = await read();
  expect(decision).toMatch(/^panic: 3 x 1.4 for (3\.\d+|4) at once over [16]s/);
  expect(decision).toContain('excess burst capacity 0');
  const answers = await Promise.all(exchanges.map((exchange) => exchange.whole()));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const endedAtMs = performance.now();
  await until(0);
  // The window that holds nothing of the last request, and the grace: 8 s, in ticks of 2 s.
  expect(performance.now() - endedAtMs).toBeGreaterThan(7_500);
});
