import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { fixedModel, processModel, World, waitingAt } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const hello = { model: 'm', messages: [{ role: 'user' as const, content: 'Hello' }] };
const clientOf = ({ url }: Gateway, options: object = {}) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', ...options });

/** How often requests for the model `m` ended like this. */
async function countOf({ adminUrl }: Gateway, outcome: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const [, count] =
    new RegExp(`^pilotlight_requests_total\\{model="m",outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text) ??
    [];
  return Number(count ?? 0);
}

async function errorOf(promise: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  return promise.then(
    () => expect.fail('it was answered'),
    (error: unknown) => error as InstanceType<typeof OpenAI.APIError>,
  );
}

describe('the official OpenAI client raises', () => {
  it('AuthenticationError without a key that is known', async () => {
    const gateway = await world.gateway(processModel(100), 'auth: { keys: [{ name: app, key: right }] }');
    const error = await errorOf(clientOf(gateway, { apiKey: 'wrong' }).chat.completions.create(hello));
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ code: 'invalid_api_key', type: 'authentication_error', param: null });
    const right = clientOf(gateway, { apiKey: 'right' });
    expect((await right.models.list()).data.map(({ id }) => id)).toEqual(['m']);
  });

  it('BadRequestError for a request that names no model, with the param', async () => {
    const gateway = await world.gateway(processModel(100));
    const error = await errorOf(clientOf(gateway).chat.completions.create({ ...hello, model: '' }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ code: 'model_required', param: 'model' });
    expect(error.requestID).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('NotFoundError for a model that is not there, also in the list', async () => {
    const gateway = await world.gateway(processModel(100));
    const client = clientOf(gateway);
    for (const request of [
      () => client.chat.completions.create({ ...hello, model: 'org/other' }),
      () => client.models.retrieve('org/other'),
    ]) {
      const error = await errorOf(request());
      expect(error).toBeInstanceOf(OpenAI.NotFoundError);
      expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });
      expect(error.message).toContain('model "org/other" not found; known: m');
    }
  });

  it('InternalServerError for a start that failed, with the reason, after a single try', async () => {
    const command = JSON.stringify([process.execPath, '-e', 'process.exit(3)', '{port}']);
    const gateway = await world.gateway(`\n  m: { backend: { driver: process, command: ${command} } }\n`);
    const error = await errorOf(clientOf(gateway).chat.completions.create(hello));
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 503, code: 'start_failed' });
    expect(error.message).toContain('exited with code 3');
    expect(await countOf(gateway, 'start_failed')).toBe(1);
  });

  it('InternalServerError for a backend that resets, after a single try', async () => {
    const backend = await world.backend((_res, req) => req.socket.destroy());
    const gateway = await world.gateway(fixedModel([backend.url]));
    const error = await errorOf(clientOf(gateway).chat.completions.create(hello));
    expect(error).toMatchObject({ status: 502, code: 'backend_reset' });
    expect(backend.seen).toHaveLength(1);
  });

  it('RateLimitError when the queue is full, and without retries of its own not again', async () => {
    const backend = await world.backend(answerJson);
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], 'queue: { max: 1 }'));
    const waiter = clientOf(gateway).chat.completions.create(hello);
    await expect.poll(() => waitingAt(gateway)).toBe(1);
    const error = await errorOf(clientOf(gateway, { maxRetries: 0 }).chat.completions.create(hello));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ code: 'queue_full', type: 'rate_limit_error' });
    backend.isReady = true;
    await waiter;
  });
});

it('the official OpenAI client comes back after a 429 by itself, when it was told to, and is served', async () => {
  const backend = await world.backend(answerJson);
  backend.isReady = false;
  const gateway = await world.gateway(fixedModel([backend.url], 'queue: { max: 1 }'));
  const first = clientOf(gateway).chat.completions.create(hello);
  await expect.poll(() => waitingAt(gateway)).toBe(1);
  const second = clientOf(gateway).chat.completions.create(hello).withResponse();
  await expect.poll(() => countOf(gateway, 'queue_full')).toBe(1);
  const refusedAtMs = performance.now();
  backend.isReady = true;
  await first;
  expect((await second).response.status).toBe(200);
  // retry-after-ms is 1000; its own back-off would be less.
  expect(performance.now() - refusedAtMs).toBeGreaterThan(800);
  expect(backend.seen.map(({ headers }) => headers['x-stainless-retry-count'])).toEqual(['0', '1']);
});

it('the official OpenAI client raises what goes wrong in the middle of a stream, in chats and in responses', async () => {
  const backend = await world.backend((res, req) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = req.url!.endsWith('responses')
      ? 'event: response.created\ndata: {"type":"response.created"}\n\n'
      : 'data: {"choices":[]}\n\n';
    res.write(event, () => setImmediate(() => res.destroy()));
  });
  const client = clientOf(await world.gateway(fixedModel([backend.url])));
  const read = async (open: () => PromiseLike<AsyncIterable<unknown>>) => {
    const events: unknown[] = [];
    const end = async () => {
      for await (const event of await open()) events.push(event);
    };
    return { error: await errorOf(end()), events };
  };
  for (const { error, events } of [
    await read(() => client.chat.completions.create({ ...hello, stream: true })),
    await read(() => client.responses.create({ model: 'm', input: 'Hello', stream: true })),
  ]) {
    expect(events).toHaveLength(1);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error.code).toBe('backend_reset');
  }
});
