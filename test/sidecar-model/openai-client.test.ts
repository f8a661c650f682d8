import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { type SidecarRig, startRig } from './rig.ts';

const messages = [{ role: 'user' as const, content: 'Hello' }];
const endless = ['--tokens', '100000'];

let rig: SidecarRig;
afterEach(() => rig.close());

/** Streams an answer until it has begun; `leave` ends it. */
async function begin(client: OpenAI) {
  const stream = await client.chat.completions.create({ model: 'demo', stream: true, messages });
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  return { chunks, leave: () => stream.controller.abort() };
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(rig.metricsUrl)).text();
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (.+)$`, 'm').exec(text)?.[1]);
}

/** Until so many have or wait for a slot. */
const untilUnderWay = (count: number) =>
  expect.poll(() => metric('kn_serving_queue_depth'), { timeout: 10_000 }).toBe(count);

/** What an asked client is told, or the error that it raises. */
const outcomeOf = (asked: PromiseLike<unknown>) => Promise.resolve(asked).catch((error: unknown) => error);

describe("OpenAI's client through the sidecar", () => {
  it('gets answers and streams as from the app itself', async () => {
    rig = await startRig({ PILOTLIGHT_OPENAI_ERRORS: 'true', PILOTLIGHT_HEARTBEAT: '20s' });
    const answer = await rig.client.chat.completions.create({ model: 'demo', messages });
    expect(answer.choices[0]!.message.content).toContain('simulated');
    const stream = await rig.client.chat.completions.create({
      model: 'demo',
      stream: true,
      max_tokens: 5,
      messages,
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text.split(' ')).toHaveLength(5);
  });

  it('raises a full queue as a limit of its rate, with when to try again', async () => {
    rig = await startRig({ PILOTLIGHT_OPENAI_ERRORS: 'true', PILOTLIGHT_QUEUE_DEPTH: '0' }, endless);
    const { leave } = await begin(rig.client);
    const error = await outcomeOf(rig.client.chat.completions.create({ model: 'demo', messages }));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: 'queue_full', type: 'rate_limit_error' });
    expect((error as InstanceType<typeof OpenAI.RateLimitError>).headers.get('retry-after-ms')).toBe('1000');
    leave();
  });

  it('tries again by itself, and is served when there is a slot', async () => {
    rig = await startRig({ PILOTLIGHT_OPENAI_ERRORS: 'true', PILOTLIGHT_QUEUE_DEPTH: '0' }, [
      '--tokens',
      '200',
    ]);
    const first = rig.client.chat.completions.create({ model: 'demo', messages });
    await untilUnderWay(1);
    const patient = rig.client.withOptions({ maxRetries: 5 });
    const answer = await patient.chat.completions.create({ model: 'demo', messages });
    expect(answer.choices[0]!.message.content).toContain('simulated');
    await first;
  });

  it('reads a stream past the comments of its wait', async () => {
    rig = await startRig({ PILOTLIGHT_HEARTBEAT: '50ms' }, ['--tokens', '200']);
    const first = rig.client.chat.completions.create({ model: 'demo', messages });
    await untilUnderWay(1);
    const raw = await rig.client.chat.completions
      .create({ model: 'demo', stream: true, max_tokens: 3, messages })
      .asResponse();
    const body = await raw.text();
    expect(body).toMatch(/^(: pilotlight position=1 phase="waiting"\n\n)+data: \{/);
    expect(body).toMatch(/data: \[DONE\]\n\n$/);
    await first;
    const second = rig.client.chat.completions.create({ model: 'demo', messages });
    await untilUnderWay(1);
    const { chunks } = await begin(rig.client);
    let count = 1;
    while (!(await chunks.next()).done) count++;
    expect(count).toBeGreaterThan(200);
    await second;
  });

  it('raises what the app says to one that was told of its wait, as an error of the stream', async () => {
    rig = await startRig({ PILOTLIGHT_HEARTBEAT: '50ms', PILOTLIGHT_OPENAI_ERRORS: 'true' }, [
      '--tokens',
      '200',
    ]);
    const first = rig.client.chat.completions.create({ model: 'demo', messages });
    await untilUnderWay(1);
    const refused = { model: 'demo', stream: true as const, max_tokens: -1, messages };
    const error = await outcomeOf(
      rig.client.chat.completions.create(refused).then(async (stream) => {
        for await (const _ of stream);
      }),
    );
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: 'backend_bad_response' });
    await first;
  });

  it('raises a time-out in the middle of a stream, and takes it for no end', async () => {
    rig = await startRig({ PILOTLIGHT_OPENAI_ERRORS: 'true', REVISION_TIMEOUT_SECONDS: '1' }, endless);
    const { chunks } = await begin(rig.client);
    const error = await outcomeOf(
      (async () => {
        while (!(await chunks.next()).done);
      })(),
    );
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: 'backend_timeout' });
  });

  it('raises an app that is gone', async () => {
    rig = await startRig({ PILOTLIGHT_OPENAI_ERRORS: 'true' });
    await rig.closeApp();
    const error = await outcomeOf(rig.client.chat.completions.create({ model: 'demo', messages }));
    expect(error).toMatchObject({ status: 502, code: 'backend_unreachable' });
  });

  it('raises the end of its own patience, which the sidecar is told', async () => {
    rig = await startRig({ PILOTLIGHT_OPENAI_ERRORS: 'true', PILOTLIGHT_DEADLINES: 'true' }, endless);
    const { leave } = await begin(rig.client);
    const headers = { 'x-request-timeout': '0.2' };
    const error = await outcomeOf(
      rig.client.chat.completions.create({ model: 'demo', messages }, { headers }),
    );
    expect(error).toMatchObject({ status: 503, code: 'queue_timeout' });
    leave();
  });

  it('is served by its priority', async () => {
    rig = await startRig({ PILOTLIGHT_PRIORITIES: 'true' }, endless);
    const { leave } = await begin(rig.client);
    const served: string[] = [];
    const ask = (priority: string) =>
      rig.client.chat.completions
        .create(
          { model: 'demo', max_tokens: 1, messages },
          { headers: { 'x-pilotlight-priority': priority } },
        )
        .then(() => served.push(priority));
    const asked = [];
    for (const priority of ['low', 'normal', 'high']) {
      asked.push(ask(priority));
      await untilUnderWay(asked.length + 1);
    }
    leave();
    await Promise.all(asked);
    expect(served).toEqual(['high', 'normal', 'low']);
  });

  it('is measured', async () => {
    rig = await startRig({ PILOTLIGHT_METRICS: 'true' });
    const stream = await rig.client.chat.completions.create({
      model: 'demo',
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 20,
      messages,
    });
    for await (const _ of stream);
    await rig.client.chat.completions.create({ model: 'demo', max_tokens: 5, messages });
    await expect.poll(() => metric('pilotlight_completion_tokens_total'), { timeout: 10_000 }).toBe(25);
    expect(await metric('pilotlight_first_token_seconds_count')).toBe(1);
    expect(await metric('pilotlight_tokens_per_second_count')).toBe(1);
    expect(await metric('pilotlight_tokens_per_second_sum')).toBeGreaterThan(50);
    expect(await metric('pilotlight_wait_seconds_count')).toBe(2);
    expect(await metric('pilotlight_queue_oldest_seconds')).toBe(0);
  });
});

describe('a client of the text that Knative writes', () => {
  it('gets it where no errors of OpenAI are asked for', async () => {
    rig = await startRig({ PILOTLIGHT_QUEUE_DEPTH: '0' }, endless);
    const { leave } = await begin(rig.client);
    const answer = await fetch(`${rig.url}/v1/models`);
    expect([answer.status, await answer.text()]).toEqual([503, 'pending request queue full\n']);
    leave();
  });
});
