import { afterEach, expect, it } from 'vitest';
import { Exchange } from '../support/exchange.ts';
import type { Gateway } from '../support/gateway.ts';
import { decided, heldModel, hold } from '../support/held-model.ts';
import { ask, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** YAML of a model `m` of stand-ins for a GPU backend, which have the gauges of vLLM. */
function demoModel(flags: readonly string[], scale: string): string {
  const command = ['{pilotlight}', 'demo-backend', '--port', '{port}', '--load-time', '0ms', ...flags];
  return `
  m:
    backend: { driver: process, command: ${JSON.stringify(command)}, ready: { path: /health }, stopGrace: 2s }
    scale: { ${scale} }
`;
}

/** Resolves with the first decision that matches. */
async function untilDecided(gateway: Gateway, what: RegExp): Promise<void> {
  const decision = async () => (await decided(gateway)).decision;
  await expect.poll(decision, { timeout: 30_000, interval: 20 }).toMatch(what);
}

/** Resolves when so many replicas are there, ready or not. */
async function untilThere(gateway: Gateway, count: number): Promise<void> {
  const there = async () => (await decided(gateway)).replicas.length;
  await expect.poll(there, { timeout: 30_000, interval: 20 }).toBeGreaterThanOrEqual(count);
}

async function untilReady(gateway: Gateway, count: number): Promise<void> {
  const ready = async () => (await decided(gateway)).ready;
  await expect.poll(ready, { timeout: 30_000, interval: 20 }).toBe(count);
}

it('a backend whose own gauges say that others wait in it gets another replica, and loses it after them', {
  timeout: 60_000,
}, async () => {
  const flags = ['--slots', '1', '--tokens-per-second', '1', '--tokens', '1000'];
  const gateway = await world.gateway(
    demoModel(flags, 'max: 2, idle: 1s, signals: { backend: { waiting: 5 } }'),
  );
  const own = ask(gateway, { stream: true });
  await untilReady(gateway, 1);
  const { origin } = (await decided(gateway)).replicas[0]!;
  const prompt = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };
  const others = Array.from({ length: 50 }, () => new Exchange(`${origin}/v1/chat/completions`, prompt));
  await untilDecided(gateway, /^\d+ by backend waiting: \d+ per replica, target 5/);
  await untilReady(gateway, 2);
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/^pilotlight_scale_signal_replicas\{model="m",signal="backend.waiting"\} \d+$/m);
  for (const other of others) other.abort();
  await untilReady(gateway, 1);
  own.abort();
});

it('a wait that is longer than its target gets a second replica, though a start takes longer than the queue', {
  timeout: 60_000,
}, async () => {
  const gateway = await world.gateway(heldModel(1_500, 'max: 2, signals: { queueDelay: 300ms }'));
  for (let count = 0; count < 2; count++) expect((await hold(gateway, 20).whole()).status).toBe(200);
  const requests = [hold(gateway, 1_000), hold(gateway, 20)];
  // By what a start costs it would be asked for after 1.5 s.
  await untilThere(gateway, 2);
  await Promise.all(requests.map((request) => request.whole()));
});

it('streams whose first token comes late get further replicas', { timeout: 60_000 }, async () => {
  const flags = ['--first-token', '400ms', '--tokens-per-second', '1', '--tokens', '1000', '--slots', '8'];
  const gateway = await world.gateway(demoModel(flags, 'max: 3, idle: 1s, signals: { firstToken: 200ms }'));
  const first = ask(gateway, { stream: true });
  await untilReady(gateway, 1);
  const streams = Array.from({ length: 4 }, () => ask(gateway, { stream: true }));
  await untilThere(gateway, 2);
  for (const stream of [first, ...streams]) stream.abort();
});
