import { afterEach, describe, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import {
  ask,
  fixedModel,
  operate,
  processModel,
  untilState,
  viewOf,
  World,
  waitingAt,
} from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const loadMs = 600;
const stateOf = async (gateway: { adminUrl: string }) => (await viewOf(gateway)).state;

describe('a cold model that is set to reject', () => {
  it('is woken by the request that it refuses at once, and serves the next', async () => {
    const gateway = await world.gateway(processModel(loadMs, 'cold: reject'));
    const sentAtMs = performance.now();
    const first = await ask(gateway).whole();
    expect(performance.now() - sentAtMs).toBeLessThan(loadMs);
    expect([first.status, JSON.parse(first.text)]).toMatchObject([503, { error: { code: 'cold' } }]);
    expect(first.headers).toMatchObject({
      'retry-after': '1',
      'retry-after-ms': '1000',
      'x-should-retry': 'true',
    });
    const second = await ask(gateway).whole();
    expect([second.status, await stateOf(gateway)]).toEqual([503, 'starting']);
    await untilState(gateway, 'ready');
    const third = await ask(gateway).whole();
    expect(third.status).toBe(200);
    expect(third.headers['x-pilotlight-cold-start']).toBeUndefined();
  });

  it('says when to come back, from the starts that it has seen', async () => {
    const gateway = await world.gateway(processModel(1_500, 'cold: reject'));
    await operate(gateway, 'warm');
    await untilState(gateway, 'ready');
    await operate(gateway, 'stop');
    await untilState(gateway, 'cold');
    const { headers, text } = await ask(gateway).whole();
    const retryAfterMs = Number(headers['retry-after-ms']);
    expect(retryAfterMs).toBeGreaterThan(1_400);
    expect(retryAfterMs).toBeLessThan(2_500);
    expect(headers['retry-after']).toBe(String(Math.ceil(retryAfterMs / 1_000)));
    expect(text).toMatch(/it is woken, ready in about [12]\.\ds"/);
  });
});

describe('an answer tells where the time went', () => {
  it('in Server-Timing and, after a start was waited for, in x-pilotlight-cold-start', async () => {
    const gateway = await world.gateway(processModel(loadMs));
    const { headers } = await ask(gateway).whole();
    const coldMs = Number(headers['x-pilotlight-cold-start']);
    expect(coldMs).toBeGreaterThanOrEqual(loadMs);
    expect(coldMs).toBeLessThan(loadMs + 3_000);
    const [, queue, cold] =
      /^queue;dur=([\d.]+), cold;dur=([\d.]+), backend;dur=[\d.]+, proxy;dur=[\d.]+$/.exec(
        String(headers['server-timing']),
      )!;
    expect(Number(queue)).toBe(0);
    expect(Math.abs(Number(cold) - coldMs)).toBeLessThanOrEqual(1);
    const detail = String(headers['x-pilotlight-cold-start-detail']);
    expect(detail).toMatch(/^spawned;dur=\d+, port-open;dur=\d+, loading;dur=\d+, ready;dur=\d+$/);
    const phasesMs = [...detail.matchAll(/dur=(\d+)/g)].reduce((sum, [, ms]) => sum + Number(ms), 0);
    expect(Math.abs(phasesMs - coldMs)).toBeLessThan(100);
    const warm = await ask(gateway).whole();
    expect(warm.headers['x-pilotlight-cold-start']).toBeUndefined();
    expect(warm.headers['x-pilotlight-cold-start-detail']).toBeUndefined();
    expect(warm.headers['server-timing']).toMatch(
      /^queue;dur=0\.0, cold;dur=0\.0, backend;dur=\d+\.\d, proxy/,
    );
  });

  it('with the wait for a slot as queue, not as cold', async () => {
    const holdMs = 150;
    const backend = await world.backend(
      (res, req, body) => void setTimeout(() => answerJson(res, req, body), holdMs),
    );
    const gateway = await world.gateway(fixedModel([backend.url], 'concurrency: 1'));
    const first = ask(gateway);
    await expect.poll(() => backend.seen.length).toBe(1);
    const { headers } = await ask(gateway).whole();
    const [, queue, backendMs] = /^queue;dur=([\d.]+), cold;dur=0\.0, backend;dur=([\d.]+),/.exec(
      String(headers['server-timing']),
    )!;
    expect(Number(queue)).toBeGreaterThan(holdMs / 2);
    expect(Number(backendMs)).toBeGreaterThanOrEqual(holdMs - 1);
    expect(headers['x-pilotlight-cold-start']).toBeUndefined();
    expect(await first.end).toBe('whole');
  });

  it('also when it is a refusal', async () => {
    const backend = await world.backend(answerJson);
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], 'queue: { timeout: 100ms }'));
    const { status, headers } = await ask(gateway).whole();
    expect(status).toBe(503);
    const [, cold] = /, cold;dur=([\d.]+), backend;dur=0\.0,/.exec(String(headers['server-timing']))!;
    expect(Number(cold)).toBeGreaterThan(50);
  });
});

describe('a request id', () => {
  it('is kept when it is well-formed, and told to the backend and to the client', async () => {
    const backend = await world.backend(answerJson);
    const gateway = await world.gateway(fixedModel([backend.url]));
    const { headers } = await ask(gateway, {}, { 'x-request-id': 'my.id:1_2-3' }).whole();
    expect([headers['x-request-id'], backend.seen[0]!.headers['x-request-id']]).toEqual([
      'my.id:1_2-3',
      'my.id:1_2-3',
    ]);
  });

  it.each(['', 'a b', '<script>', `${'x'.repeat(129)}`])('is made anew in place of %j', async (id) => {
    const backend = await world.backend(answerJson);
    const gateway = await world.gateway(fixedModel([backend.url]));
    const { headers } = await ask(gateway, {}, { 'x-request-id': id }).whole();
    expect(headers['x-request-id']).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    expect(backend.seen[0]!.headers['x-request-id']).toBe(headers['x-request-id']);
  });

  it('is that of the client in a refusal and after a heartbeat too', async () => {
    const backend = await world.backend(answerJson);
    backend.isReady = false;
    const gateway = await world.gateway(
      fixedModel([backend.url], 'queue: { max: 1 }\n    heartbeat: { stream: 20ms }'),
    );
    const waiting = ask(gateway, { stream: true }, { 'x-request-id': 'first' });
    await expect.poll(() => waitingAt(gateway)).toBe(1);
    const refused = await ask(gateway, {}, { 'x-request-id': 'second' }).whole();
    expect([refused.status, refused.headers['x-request-id']]).toEqual([429, 'second']);
    expect((await waiting.head).headers['x-request-id']).toBe('first');
    waiting.abort();
  });
});
