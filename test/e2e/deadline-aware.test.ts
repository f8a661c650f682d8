import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Gateway, settingsOf } from '../support/gateway.ts';
import { ask, operate, processModel, untilState, viewOf, World } from '../support/world.ts';

const world = new World();
afterAll(() => world.close());

/**
 * The times of the promise (2 s of patience, a model that loads in 4 s) divided by five: the start of the process, some 50
 * ms, makes the load a little longer than twice the patience.
 */
const loadMs = 800;
const patienceMs = loadMs / 2;

async function toZero(gateway: Gateway): Promise<void> {
  await operate(gateway, 'stop');
  await untilState(gateway, 'cold');
}

/** A gateway that has seen `starts` starts of its model, which is cold again. */
async function learned(starts: number): Promise<Gateway> {
  const gateway = await world.gateway(processModel(loadMs));
  for (let n = 0; n < starts; n++) {
    await operate(gateway, 'warm');
    await untilState(gateway, 'ready');
    await toZero(gateway);
  }
  return gateway;
}

/** Two that have seen four and five starts: the tests need time for the least of starts. */
let four: Gateway;
let five: Gateway;
beforeAll(async () => {
  [four, five] = await Promise.all([learned(4), learned(5)]);
});
beforeEach(() => toZero(five));

const timeoutHeader = { 'x-request-timeout': String(patienceMs / 1_000) };

async function tryOnce(gateway: Gateway) {
  const sentAtMs = performance.now();
  const { status, headers, text } = await ask(gateway, {}, timeoutHeader).whole();
  const code = /"code":"(\w+)"/.exec(text)?.[1] ?? null;
  return { status, headers, code, text, tookMs: performance.now() - sentAtMs };
}

describe('a client whose patience is half of what the model needs to start', () => {
  it('is refused at once after five learned starts, wakes the model, and is served by its third try', async () => {
    const gateway = five;
    const first = await tryOnce(gateway);
    expect([first.status, first.code]).toEqual([503, 'would_not_make_it']);
    expect(first.tookMs).toBeLessThan(patienceMs / 2);
    expect(first.headers).toMatchObject({ 'x-should-retry': 'false', 'retry-after': '1' });
    expect(first.text).toMatch(
      /needs at least (0\.[89]|1\.\d)s more to start and the deadline is in 0\.[34]s; it is woken/,
    );
    expect((await viewOf(gateway)).state).toBe('starting');
    // Each try is as long as the client's patience, whatever comes of it.
    const sentAtMs = performance.now();
    const tries = [first];
    while (tries.at(-1)!.status !== 200 && tries.length < 3) {
      await expect.poll(() => performance.now() - sentAtMs).toBeGreaterThan(tries.length * patienceMs);
      tries.push(await tryOnce(gateway));
    }
    expect(tries.at(-1)!.status).toBe(200);
    expect((await viewOf(gateway)).lastStarts).toHaveLength(6);
  });

  it('waits like others while fewer starts are known', async () => {
    const { code, tookMs } = await tryOnce(four);
    expect(code).toBe('queue_timeout');
    expect(tookMs).toBeGreaterThanOrEqual(patienceMs - 1);
  });
});

describe('the OpenAI client with that patience', () => {
  it('is told at once without trying again by itself, and is served when it comes back as told', async () => {
    const gateway = five;
    let requests = 0;
    const client = new OpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: 'unused',
      timeout: patienceMs,
      maxRetries: 2,
      // The client itself says whole seconds only.
      defaultHeaders: { 'x-stainless-timeout': String(patienceMs / 1_000) },
      fetch: (url, init) => {
        requests++;
        return fetch(url, init);
      },
    });
    const create = () => client.chat.completions.create({ model: 'm', messages: [] });
    const refusal = await create().then(
      () => null,
      (error: unknown) => error as InstanceType<typeof OpenAI.APIError>,
    );
    expect(refusal).toBeInstanceOf(OpenAI.InternalServerError);
    expect(refusal).toMatchObject({ status: 503, code: 'would_not_make_it' });
    expect(requests).toBe(1);
    const retryAfterMs = Number(refusal!.headers!.get('retry-after-ms'));
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
    await create();
    expect(requests).toBe(2);
  });

  it('is served within its own retries where it cannot say how long it waits', async () => {
    const gateway = await world.gateway(processModel(loadMs));
    let requests = 0;
    const client = new OpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: 'unused',
      timeout: patienceMs,
      maxRetries: 2,
      fetch: (url, init) => {
        requests++;
        return fetch(url, init);
      },
    });
    await client.chat.completions.create({ model: 'm', messages: [] });
    expect(requests).toBeGreaterThan(1);
    expect((await viewOf(gateway)).lastStarts).toHaveLength(1);
  });
});

describe('where deadlineAware is off', () => {
  it('the same client waits like others', async () => {
    five.app.reload(settingsOf(processModel(loadMs, 'deadlineAware: false')));
    const { code, tookMs } = await tryOnce(five);
    expect(code).toBe('queue_timeout');
    expect(tookMs).toBeGreaterThanOrEqual(patienceMs - 1);
  });
});
