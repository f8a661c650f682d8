import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../support/gateway.ts';
import { decided, heldModel } from '../support/held-model.ts';
import { ask, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const pidOf = async (gateway: Gateway) => {
  const { status, text } = await ask(gateway).whole();
  expect(status).toBe(200);
  return (JSON.parse(text) as { readonly pid: number }).pid;
};

async function untilState(gateway: Gateway, state: string): Promise<void> {
  await expect
    .poll(async () => (await decided(gateway)).state, { timeout: 20_000, interval: 20 })
    .toBe(state);
}

/** `T`: stopped by a signal. */
const processState = (pid: number) =>
  /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

describe('a model whose rung is freeze', () => {
  it('is stopped by a signal when it is idle, and goes on for the next request', {
    timeout: 60_000,
  }, async () => {
    const gateway = await world.gateway(heldModel(0, 'ladder: [{ preset: freeze, after: 300ms }]'));
    const pid = await pidOf(gateway);
    await untilState(gateway, 'asleep');
    await expect.poll(() => processState(pid), { timeout: 20_000 }).toBe('T');
    expect((await decided(gateway)).decision).toBe('asleep (freeze): idle for 300ms');
    expect(await pidOf(gateway)).toBe(pid);
    expect((await decided(gateway)).lastStarts).toHaveLength(1);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('pilotlight_wake_seconds_count{model="m",rung="freeze"} 1');
  });

  it('ends when its idle time is over, although it is stopped', { timeout: 60_000 }, async () => {
    const scale = 'idle: 5s, ladder: [{ preset: freeze, after: 200ms }]';
    const gateway = await world.gateway(heldModel(0, scale));
    const pid = await pidOf(gateway);
    await untilState(gateway, 'asleep');
    await untilState(gateway, 'cold');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('a model that does not wake', () => {
  it('is started again for the request that asked', { timeout: 60_000 }, async () => {
    const rung = 'name: broken, after: 300ms, sleep: { run: ["true"] }, wake: { run: ["false"] }';
    const gateway = await world.gateway(heldModel(0, `ladder: [{ ${rung} }]`));
    const pid = await pidOf(gateway);
    await untilState(gateway, 'asleep');
    expect(await pidOf(gateway)).not.toBe(pid);
    expect((await decided(gateway)).lastStarts).toHaveLength(2);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('pilotlight_failed_wakes_total{model="m",rung="broken"} 1');
  });

  it('is woken in the way of the next deeper rung, where that works', { timeout: 60_000 }, async () => {
    const broken = 'name: broken, after: 300ms, sleep: { run: ["true"] }, wake: { run: ["false"] }';
    const ladder = `ladder: [{ ${broken} }, { preset: freeze, after: 1h, cost: 0.1 }]`;
    const gateway = await world.gateway(heldModel(0, ladder));
    const pid = await pidOf(gateway);
    await untilState(gateway, 'asleep');
    expect(await pidOf(gateway)).toBe(pid);
  });
});

it('a model that cannot be put to sleep stays awake', { timeout: 60_000 }, async () => {
  const rung = 'name: broken, after: 300ms, sleep: { run: ["false"] }, wake: { run: ["true"] }';
  const gateway = await world.gateway(heldModel(0, `ladder: [{ ${rung} }]`));
  const pid = await pidOf(gateway);
  const failures = async () =>
    /pilotlight_failed_sleeps_total\{model="m",rung="broken"\} 1/.test(
      await (await fetch(`${gateway.adminUrl}/metrics`)).text(),
    );
  await expect.poll(failures, { timeout: 20_000, interval: 50 }).toBe(true);
  await untilState(gateway, 'ready');
  expect(await pidOf(gateway)).toBe(pid);
});

it('many requests at once for a model that falls asleep and wakes are all answered', {
  timeout: 120_000,
}, async () => {
  const scale = 'max: 2, ladder: [{ preset: freeze, after: 20ms }]';
  const gateway = await world.gateway(heldModel(0, scale));
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask(gateway, { holdMs: 5 }).whole()));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    // Around the moment at which it is put to sleep, each time a little later.
    await new Promise((resolve) => setTimeout(resolve, 10 + 2 * round));
  }
  const { lastStarts } = await decided(gateway);
  expect(lastStarts.every(({ outcome }) => outcome === 'ready')).toBe(true);
});

/** The demo backend with vLLM's sleep mode; wakes are slow enough to be told from no wake at all. */
function sleepingModel(flags: readonly string[], ladder: string): string {
  const sleepMode = ['--sleep-mode', 'on', '--wake-time', '100ms', '--reload-time', '200ms', ...flags];
  const times = ['--load-time', '300ms', '--first-token', '1ms', '--tokens-per-second', '1000'];
  const command = ['{pilotlight}', 'demo-backend', '--port', '{port}', ...times, ...sleepMode];
  return `
  m:
    backend: { driver: process, command: ${JSON.stringify(command)}, ready: { path: /health }, stopGrace: 2s }
    scale: { ladder: ${ladder} }
`;
}

describe('a model with the sleep mode of vLLM', () => {
  const levels = (secondMs: number) =>
    `[{ preset: vllm-1, after: 300ms }, { preset: vllm-2, after: ${secondMs}ms }]`;
  const serve = async (gateway: Gateway) => {
    const { status, text } = await ask(gateway, { model: 'm', messages: [] }).whole();
    expect([status, text]).toEqual([200, expect.stringContaining('"choices"')]);
  };
  const untilAsleepOn = (gateway: Gateway, rung: string) =>
    expect
      .poll(async () => (await decided(gateway)).replicas[0], { timeout: 20_000, interval: 20 })
      .toMatchObject({ state: 'asleep', rung });
  const metricsOf = async (gateway: Gateway) => (await fetch(`${gateway.adminUrl}/metrics`)).text();

  it.each([
    ['level 1', 'vllm-1', 3_600_000],
    ['level 2', 'vllm-2', 900],
  ] as const)('sleeps at %s and serves from there', { timeout: 60_000 }, async (_level, rung, secondMs) => {
    const gateway = await world.gateway(sleepingModel([], levels(secondMs)));
    await serve(gateway);
    await untilAsleepOn(gateway, rung);
    await serve(gateway);
    expect((await decided(gateway)).lastStarts).toHaveLength(1);
    expect(await metricsOf(gateway)).toContain(`pilotlight_wake_seconds_count{model="m",rung="${rung}"} 1`);
  });

  it('is started again for the request where no way wakes it', { timeout: 60_000 }, async () => {
    const failing = ['--failing', '/wake_up,/wake_up?tags=weights'];
    const gateway = await world.gateway(sleepingModel(failing, levels(3_600_000)));
    await serve(gateway);
    await untilState(gateway, 'asleep');
    await serve(gateway);
    expect((await decided(gateway)).lastStarts).toHaveLength(2);
    expect(await metricsOf(gateway)).toContain('pilotlight_failed_wakes_total{model="m",rung="vllm-2"} 1');
  });
});
