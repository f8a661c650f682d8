import { afterEach, describe, expect, it, vi } from 'vitest';
import { answerJson } from '../support/backend.ts';
import { chat, type Gateway, settingsOf } from '../support/gateway.ts';
import { operate, processModel, untilState, viewOf, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const wake = async (gateway: Gateway, id: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${gateway.url}/v1/models/${id}/wake`, { method: 'POST', headers });
  const body = (await response.json()) as {
    readonly eta_ms?: number | null;
    readonly error?: { readonly code: string };
  };
  return { status: response.status, headers: response.headers, body };
};

/** A model that never gets ready, so that it is seen how it was woken. */
const endless = (name: string, more = '') =>
  `  "${name}": { backend: { driver: process, command: [sleep, "60", "{port}"] }, ${more} }\n`;

describe('POST /v1/models/{id}/wake', () => {
  it('starts a cold model and answers at once with 202; with 200 when it is ready', async () => {
    const gateway = await world.gateway(processModel(300));
    const first = await wake(gateway, 'm');
    expect([first.status, first.body]).toEqual([
      202,
      { object: 'model.wake', model: 'm', state: 'starting', step: null, detail: null, eta_ms: null },
    ]);
    expect(first.headers.get('x-request-id')).toBeTruthy();
    await untilState(gateway, 'ready');
    const second = await wake(gateway, 'm');
    expect([second.status, second.body]).toMatchObject([200, { model: 'm', state: 'ready' }]);
    expect((await viewOf(gateway)).lastStarts).toHaveLength(1);
  });

  it('tells how long the start will take, once that is known', async () => {
    const gateway = await world.gateway(processModel(200));
    await wake(gateway, 'm');
    await untilState(gateway, 'ready');
    await operate(gateway, 'stop');
    await untilState(gateway, 'cold');
    const { status, body } = await wake(gateway, 'm');
    expect(status).toBe(202);
    expect(body.eta_ms).toBeGreaterThan(100);
  });

  it('takes no slot and no place in the queue', async () => {
    const more = 'concurrency: 1\n    queue: { max: 1 }';
    const gateway = await world.gateway(processModel(0, more));
    for (let n = 0; n < 5; n++) await wake(gateway, 'm');
    expect(await viewOf(gateway)).toMatchObject({ inFlight: 0, queue: { waiting: 0 } });
    expect((await fetch(`${gateway.url}/v1/chat/completions`, chat('m'))).status).toBe(200);
  });

  it('keeps the model for its idle time, counted from the last time it was asked for', async () => {
    const gateway = await world.gateway(processModel(0, 'scale: { idle: 700ms }'));
    await wake(gateway, 'm');
    await untilState(gateway, 'ready');
    const endMs = performance.now() + 1_500;
    let lastMs = 0;
    while (performance.now() < endMs) {
      lastMs = performance.now();
      expect((await wake(gateway, 'm')).status).toBe(200);
    }
    await untilState(gateway, 'cold');
    expect(performance.now() - lastMs).toBeGreaterThanOrEqual(690);
    expect((await viewOf(gateway)).lastStarts).toHaveLength(1);
  });

  it('wakes a model that rejects requests while it is cold', async () => {
    const gateway = await world.gateway(processModel(0, 'cold: reject'));
    expect((await wake(gateway, 'm')).status).toBe(202);
    await untilState(gateway, 'ready');
  });

  it.each([
    ['org/model', 'org/model'],
    ['org%2Fmodel', 'org/model'],
    ['gpt%2D4o', 'org/model'],
    ['name%20with%20spaces', 'name with spaces'],
    ['a/wake', 'a/wake'],
    ['a%2Fwake', 'a/wake'],
    ['a', 'a'],
  ])('takes names as GET /v1/models/{id} does: %s', async (id, model) => {
    const gateway = await world.gateway(
      `\n${endless('org/model', 'aliases: [gpt-4o]')}${endless('name with spaces')}${endless('a')}${endless('a/wake')}`,
    );
    const { status, body } = await wake(gateway, id);
    expect([status, body]).toMatchObject([202, { model }]);
  });

  it('is refused with the error of a request: unknown, paused, failed, and in its back-off', async () => {
    const broken = `  broken: { backend: { driver: process, command: ["false", "{port}"] } }\n`;
    const gateway = await world.gateway(`${processModel(0)}${broken}`);
    expect((await wake(gateway, 'other')).body.error?.code).toBe('model_not_found');
    await operate(gateway, 'pause');
    const paused = await wake(gateway, 'm');
    expect([paused.status, paused.body.error?.code]).toEqual([503, 'paused']);
    expect(paused.headers.get('x-should-retry')).toBe('false');
    expect((await wake(gateway, 'broken')).status).toBe(202);
    await vi.waitUntil(async () => (await wake(gateway, 'broken')).status === 503, { interval: 20 });
    const failed = await wake(gateway, 'broken');
    expect(failed.body.error?.code).toBe('start_failed');
    expect(Number(failed.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('needs a key where requests need one', async () => {
    const gateway = await world.gateway(processModel(0), 'auth: { keys: [{ name: app, key: secret }] }');
    const refused = await wake(gateway, 'm');
    expect([refused.status, refused.body.error?.code]).toEqual([401, 'invalid_api_key']);
    expect((await viewOf(gateway)).state).toBe('cold');
    expect((await wake(gateway, 'm', { authorization: 'Bearer secret' })).status).toBe(202);
  });

  it('is refused while the gateway drains, and starts nothing then', async () => {
    const held: (() => void)[] = [];
    const backend = await world.backend((res) => void held.push(() => res.end('late')));
    const fixed = `  any: { backend: { driver: static, urls: ["${backend.url}"], ready: { tcp: true } } }\n`;
    const gateway = await world.gateway(`${processModel(0)}${fixed}`, '', 30_000);
    const running = fetch(`${gateway.url}/v1/chat/completions`, chat('any'));
    await vi.waitUntil(() => held.length === 1);
    const closed = gateway.close();
    await vi.waitUntil(async () => (await wake(gateway, 'm')).body.error?.code === 'draining');
    expect((await viewOf(gateway)).state).toBe('cold');
    held[0]!();
    expect(await (await running).text()).toBe('late');
    await closed;
  });

  it('goes to the backend where a match rule takes the path', async () => {
    const backend = await world.backend(answerJson);
    const ready = 'ready: { tcp: true }';
    const gateway = await world.gateway(
      `${processModel(0)}\n  all: { match: { paths: [/v1/models/m/] }, backend: { driver: static, urls: ["${backend.url}"], ${ready} } }\n`,
    );
    expect((await wake(gateway, 'm')).body).toEqual({ ok: true });
    expect(backend.seen.map(({ url }) => url)).toEqual(['/v1/models/m/wake']);
    expect((await viewOf(gateway)).state).toBe('cold');
  });

  it('leaves other methods and other paths as they are', async () => {
    const gateway = await world.gateway(processModel(0));
    for (const [method, path] of [
      ['PUT', '/v1/models/m/wake'],
      ['POST', '/v1/models/m/wake/'],
      ['POST', '/v1/models/wake'],
      ['POST', '/v1/models/m%2Fwake'],
    ])
      expect((await fetch(gateway.url + path, { method: method! })).status, `${method} ${path}`).toBe(405);
    expect((await fetch(`${gateway.url}/v1/models/m/wake`)).status).toBe(404);
    expect((await viewOf(gateway)).state).toBe('cold');
  });

  it('is harmless in a flood: one start, one replica, nobody who waits', async () => {
    const gateway = await world.gateway(processModel(300, 'scale: { max: 8 }'));
    const flood = async () => {
      const seen = new Set<number>();
      for (let n = 0; n < 100; n++) seen.add((await wake(gateway, 'm')).status);
      return [...seen];
    };
    const statuses = (await Promise.all(Array.from({ length: 10 }, flood))).flat();
    expect(statuses.filter((status) => status !== 200 && status !== 202)).toEqual([]);
    await untilState(gateway, 'ready');
    const { lastStarts, replicas, queue } = await viewOf(gateway);
    expect([lastStarts.length, replicas.length, queue.waiting]).toEqual([1, 1, 0]);
  });

  it('follows a changed configuration', async () => {
    const gateway = await world.gateway(processModel(0));
    gateway.app.reload(settingsOf(`\n${endless('new', 'aliases: [newer]')}`));
    expect((await wake(gateway, 'm')).status).toBe(404);
    expect((await wake(gateway, 'newer')).body).toMatchObject({ model: 'new', state: 'starting' });
  });
});
