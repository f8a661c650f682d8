import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Listeners } from '../probe/listeners.ts';
import { freePorts, SidecarProgram } from '../sidecar-unit/program.ts';

/** What an app of 5 slots says of itself that has 8 requests. */
const gauges = 'vllm:num_requests_running 5\nvllm:num_requests_waiting 3\n';

describe('an app that a sidecar looks at', () => {
  let listeners: Listeners;
  let program: SidecarProgram;
  let held: ServerResponse[];
  let health: { status: number; body: string };
  let serving: number;
  let metrics: number;

  beforeEach(async () => {
    listeners = new Listeners();
    held = [];
    health = { status: 200, body: 'ok' };
    const origin = await listeners.listenHttp((request, response) => {
      if (request.url === '/health') response.writeHead(health.status).end(health.body);
      else if (request.url === '/metrics') response.setHeader('content-type', 'text/plain').end(gauges);
      else if (request.url === '/held') held.push(response);
      else response.writeHead(health.status).end(health.body);
    });
    program = new SidecarProgram({
      ...freePorts,
      USER_PORT: new URL(origin).port,
      CONTAINER_CONCURRENCY: '8',
      PILOTLIGHT_LOADING: 'Loading model',
      PILOTLIGHT_ADAPTIVE: 'true',
      PILOTLIGHT_ADAPTIVE_EVERY: '100ms',
      PILOTLIGHT_SLEEP_IDLE: '10m',
    });
    ({ serving, metrics } = await program.ports());
  });
  afterEach(async () => {
    program.kill('SIGKILL');
    await program.ended;
    listeners.close();
  });

  const ask = (path: string, headers = {}) => fetch(`http://127.0.0.1:${serving}${path}`, { headers });
  const probe = async () =>
    (await ask('/', { 'user-agent': 'kube-probe/1.36', 'k-network-probe': 'queue' })).status;
  const gauge = async (name: string) => {
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };

  it('is not ready while it says that it is loading, to a probe and to a request', async () => {
    health = { status: 503, body: '{"error":{"message":"Loading model"}}' };
    expect([await probe(), await gauge('pilotlight_app_loading')]).toEqual([503, 1]);
    health = { status: 200, body: 'ok' };
    expect([await probe(), await gauge('pilotlight_app_loading')]).toEqual([200, 0]);
    health = { status: 503, body: '{"error":{"message":"Loading model"}}' };
    const answer = await ask('/v1/completions');
    expect([answer.status, await answer.text()]).toEqual([503, health.body]);
    expect(await gauge('pilotlight_app_loading')).toBe(1);
    health = { status: 200, body: 'ok' };
    expect(await probe()).toBe(503);
    expect((await ask('/v1/completions')).status).toBe(200);
    expect([await probe(), await gauge('pilotlight_app_loading')]).toEqual([200, 0]);
  });

  it('gets what it runs when it queues inside', async () => {
    expect([await gauge('pilotlight_app_limit'), await gauge('pilotlight_app_asleep')]).toEqual([8, 0]);
    const answers = Promise.all(Array.from({ length: 12 }, () => ask('/held').then(({ status }) => status)));
    expect((await program.untilLogged('the limit follows the app')).limit).toBe(5);
    expect(await gauge('pilotlight_app_limit')).toBe(5);
    expect(held.length).toBe(8);
    for (const response of held.slice(0, 3)) response.end();
    await expect.poll(() => gauge('kn_serving_queue_depth\\{.*\\}')).toBe(9);
    expect(held.length).toBe(8);
    for (let ended = 3; ended < 12; ended++) {
      await expect.poll(() => held.length).toBeGreaterThan(ended);
      held[ended]?.end();
    }
    expect(new Set(await answers)).toEqual(new Set([200]));
  });
});
