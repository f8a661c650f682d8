import { afterEach, describe, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import { ask, fixedModel, processModel, viewOf, World, waitingAt } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const farMs = 20_000;

/** A model that stays cold, and the answer to a request that waits for it: its code and how long it took. */
async function waitFor(more: string, headers: Record<string, string> = {}) {
  const backend = await world.backend(answerJson);
  backend.isReady = false;
  const gateway = await world.gateway(fixedModel([backend.url], more));
  const sentAtMs = performance.now();
  const { status, headers: received, text } = await ask(gateway, {}, headers).whole();
  const { code } = (JSON.parse(text) as { error: { code: string } }).error;
  return { status, code, headers: received, waitedMs: performance.now() - sentAtMs };
}

describe('a request waits until the smallest of its deadlines', () => {
  const far = `queue: { timeout: ${farMs}ms }\n    timeouts: { total: ${farMs}ms }`;

  it.each([
    ['queue.timeout', `queue: { timeout: 200ms }\n    timeouts: { total: ${farMs}ms }`, {}],
    ['timeouts.total', `queue: { timeout: ${farMs}ms }\n    timeouts: { total: 200ms }`, {}],
    ['X-Stainless-Timeout', far, { 'x-stainless-timeout': '0.2' }],
    ['X-Scale-Up-Timeout', far, { 'x-scale-up-timeout': '0.2' }],
    ['X-Request-Timeout', far, { 'x-request-timeout': '0.2' }],
    [
      'the least of several headers',
      far,
      { 'x-stainless-timeout': '20', 'x-scale-up-timeout': '0.2', 'x-request-timeout': '10' },
    ],
    [
      'queue.timeout below that of the client',
      `queue: { timeout: 200ms }\n    timeouts: { total: ${farMs}ms }`,
      { 'x-request-timeout': '20' },
    ],
    [
      'a header where nothing is configured',
      'queue: { timeout: 0 }\n    timeouts: { total: 0 }',
      { 'x-request-timeout': '0.2' },
    ],
  ])('which is %s', async (_, more, headers) => {
    const answer = await waitFor(more, headers);
    expect([answer.status, answer.code]).toEqual([503, 'queue_timeout']);
    expect(answer.headers).toMatchObject({ 'x-should-retry': 'false', 'retry-after': '1' });
    expect(answer.waitedMs).toBeGreaterThanOrEqual(199);
    expect(answer.waitedMs).toBeLessThan(1_000);
  });

  it.each([
    ['0', '0'],
    ['-1', '-1'],
    ['soon', 'soon'],
  ])('and none is set by a header of %s', async (_, value) => {
    const backend = await world.backend(answerJson);
    backend.isReady = false;
    const gateway = await world.gateway(
      fixedModel([backend.url], 'queue: { timeout: 0 }\n    timeouts: { total: 0 }'),
    );
    const exchange = ask(gateway, {}, { 'x-request-timeout': value });
    await expect.poll(() => waitingAt(gateway)).toBe(1);
    backend.isReady = true;
    expect((await exchange.whole()).status).toBe(200);
  });

  it('and the start goes on without it', async () => {
    const gateway = await world.gateway(processModel(400));
    const refused = await ask(gateway, {}, { 'x-request-timeout': '0.1' }).whole();
    expect(refused.text).toContain('"code":"queue_timeout"');
    expect((await viewOf(gateway)).state).toBe('starting');
    await expect.poll(async () => (await viewOf(gateway)).state).toBe('ready');
    expect((await viewOf(gateway)).lastStarts).toHaveLength(1);
    expect((await ask(gateway).whole()).status).toBe(200);
  });
});

describe('timeouts.total', () => {
  it('counts the time in the queue, and then the time at the backend, once', async () => {
    const backend = await world.backend(() => undefined);
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], 'timeouts: { total: 600ms }'));
    const sentAtMs = performance.now();
    const exchange = ask(gateway);
    await expect.poll(() => waitingAt(gateway)).toBe(1);
    await expect.poll(() => performance.now() - sentAtMs).toBeGreaterThan(400);
    backend.isReady = true;
    const { status, text } = await exchange.whole();
    expect([status, JSON.parse(text)]).toMatchObject([504, { error: { code: 'backend_timeout' } }]);
    expect(performance.now() - sentAtMs).toBeGreaterThanOrEqual(599);
    expect(performance.now() - sentAtMs).toBeLessThan(900);
    expect(backend.seen).toHaveLength(1);
  });
});

describe('a replica that refuses until the deadline', () => {
  it('is told as backend_unreachable, not as a long queue', async () => {
    const backend = await world.backend(answerJson);
    const gateway = await world.gateway(fixedModel([backend.url], 'queue: { timeout: 300ms }'));
    await expect.poll(async () => (await viewOf(gateway)).state).toBe('ready');
    await backend.close();
    const { status, headers, text } = await ask(gateway).whole();
    expect([status, JSON.parse(text)]).toMatchObject([502, { error: { code: 'backend_unreachable' } }]);
    expect(headers['x-should-retry']).toBe('true');
  });
});
