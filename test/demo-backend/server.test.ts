import { once } from 'node:events';
import { request } from 'node:http';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { type DemoBackendOptions, parseDemoArgs } from '../../src/demo-backend/options.ts';
import { startDemoBackend } from '../../src/demo-backend/server.ts';
import { ManualClock } from '../support/manual-clock.ts';

const fast: DemoBackendOptions = {
  ...parseDemoArgs(['--port', '0', '--load-time', '0ms', '--first-token', '1ms']),
  tokensPerSecond: 5_000,
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(changes: Partial<DemoBackendOptions> = {}, clock?: Clock) {
  const backend = await startDemoBackend({ ...fast, ...changes }, clock);
  closers.push(() => backend.close());
  const url = `http://127.0.0.1:${backend.port}`;
  const post = (path: string, body: unknown) =>
    fetch(url + path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
  const gauge = async (name: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(new RegExp(`^vllm:${name}\\{model_name="demo"\\} (\\d+)$`, 'm').exec(text)?.[1]);
  };
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  return { ...backend, url, post, gauge, openai };
}

const messages = [{ role: 'user' as const, content: 'Say something.' }];
const chat = { model: 'demo', messages };

/** Polls a gauge; the backend learns of arrivals and departures only when the system tells it. */
const reaches = (read: () => Promise<number>, value: number) =>
  expect.poll(read, { timeout: 5_000, interval: 5 }).toBe(value);

describe('a demo backend that loads', () => {
  it('says so with 503 on /health and to requests, then serves', async () => {
    const clock = new ManualClock();
    const backend = await start({ loadTimeMs: 3_000 }, clock);
    await clock.advance(2_999);
    for (const answer of [await fetch(`${backend.url}/health`), await backend.post('/v1/completions', {})]) {
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ error: { message: 'Loading model', code: 503 } });
    }
    await clock.advance(1);
    const health = await fetch(`${backend.url}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
    expect((await fetch(`${backend.url}/v1/models`)).status).toBe(200);
  });
});

describe('a loaded demo backend, asked by the official client', () => {
  it('answers a chat and says that it is simulated', async () => {
    const { openai } = await start();
    const answer = await openai.chat.completions.create(chat);
    expect(answer.choices[0]!.message.content).toBe(
      "This is a simulated answer of Pilotlight's demo backend: no model ran, the words are always the same, and only their timing is real.",
    );
    expect(answer.choices[0]!.finish_reason).toBe('stop');
    expect(answer.usage!.completion_tokens).toBe(24);
    expect(answer.model).toBe('demo');
  });

  it('streams a chat token by token, with usage when asked', async () => {
    const { openai } = await start({ answerTokens: 30 });
    const stream = await openai.chat.completions.create({
      ...chat,
      stream: true,
      stream_options: { include_usage: true },
    });
    const parts: string[] = [];
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      const content = chunk.choices[0]?.delta.content;
      if (content) parts.push(content);
      usage = chunk.usage ?? usage;
    }
    expect(parts).toHaveLength(30);
    expect(parts.join('')).toMatch(
      /^This is a simulated answer .* timing is real\. This is a simulated answer of$/,
    );
    expect(usage).toMatchObject({ completion_tokens: 30 });
  });

  it('completes text with and without stream', async () => {
    const { openai } = await start({ answerTokens: 5 });
    const whole = await openai.completions.create({ model: 'demo', prompt: 'Hello' });
    expect(whole.choices[0]!.text).toBe('This is a simulated answer');
    let text = '';
    for await (const chunk of await openai.completions.create({
      model: 'demo',
      prompt: 'Hi',
      stream: true,
    })) {
      text += chunk.choices[0]!.text;
    }
    expect(text).toBe('This is a simulated answer');
  });

  it('embeds the same text into the same vector of length 1, as floats and as base64', async () => {
    const { openai, post } = await start();
    const input = ['a cat', 'a dog'];
    const first = await openai.embeddings.create({ model: 'demo', input, dimensions: 100 });
    const plain = (await (
      await post('/v1/embeddings', { model: 'demo', input: 'a cat', dimensions: 100 })
    ).json()) as OpenAI.CreateEmbeddingResponse;
    const [cat, dog] = first.data.map((entry) => entry.embedding);
    expect(cat).toHaveLength(100);
    expect(plain.data[0]!.embedding).toEqual(cat);
    expect(dog).not.toEqual(cat);
    expect(Math.hypot(...cat!)).toBeCloseTo(1, 5);
  });

  it('lists its one model', async () => {
    const { openai } = await start({ model: 'demo-small' });
    expect((await openai.models.list()).data.map((model) => model.id)).toEqual(['demo-small']);
  });
});

describe('the length of an answer', () => {
  it.each([
    [{ max_tokens: 3 }, 3, 'length'],
    [{ max_completion_tokens: 4, max_tokens: 9 }, 4, 'length'],
    [{ max_tokens: 1_000 }, 24, 'stop'],
    [{ max_tokens: 40, ignore_eos: true }, 40, 'length'],
  ])('with %j is %i', async (limits, tokens, reason) => {
    const { post } = await start();
    const answer = await (await post('/v1/chat/completions', { ...chat, ...limits })).json();
    expect(answer).toMatchObject({
      choices: [{ finish_reason: reason }],
      usage: { completion_tokens: tokens },
    });
  });
});

describe('the pace', () => {
  it('is the first token after its time, then tokens at their rate', async () => {
    const clock = new ManualClock();
    const backend = await start({ firstTokenMs: 80, tokensPerSecond: 50, answerTokens: 3 }, clock);
    const answer = backend.post('/v1/completions', { prompt: 'Hi', stream: true });
    await reaches(async () => clock.pendingTimers, 1);
    const written: number[] = [];
    for (const stepMs of [79, 1, 19, 1, 19, 1]) {
      await clock.advance(stepMs);
      written.push(await backend.gauge('generation_tokens_total'));
      await reaches(async () => clock.pendingTimers, written.at(-1) === 3 ? 0 : 1);
    }
    expect(written).toEqual([0, 1, 1, 2, 2, 3]);
    expect(await (await answer).text()).toMatch(/\ndata: \[DONE\]\n\n$/);
  });
});

describe('slots of a demo backend', () => {
  it('bound what runs; the others wait in order and show in the metrics', async () => {
    const clock = new ManualClock();
    const backend = await start({ slots: 1, answerTokens: 1, firstTokenMs: 100 }, clock);
    const done: number[] = [];
    const answers: Promise<unknown>[] = [];
    for (const [index, waiting] of [0, 1, 2].entries()) {
      answers.push(backend.post('/v1/completions', { prompt: 'Hi' }).then(() => done.push(index)));
      await reaches(() => backend.gauge('num_requests_waiting'), waiting);
      await reaches(() => backend.gauge('num_requests_running'), 1);
    }
    for (const served of [[0], [0, 1], [0, 1, 2]]) {
      await clock.advance(100);
      await answers[served.length - 1];
      expect(done).toEqual(served);
    }
    expect(await backend.gauge('num_requests_running')).toBe(0);
  });

  it.each(['waiting', 'running'])('are free again when a client goes while %s', async (state) => {
    const backend = await start({ slots: 1, firstTokenMs: 60_000 });
    const leave = async () => {
      const outgoing = request(`${backend.url}/v1/completions`, { method: 'POST' });
      outgoing.on('error', () => undefined);
      outgoing.end(JSON.stringify({ prompt: 'Hi', stream: true }));
      await once(outgoing, 'finish');
      return outgoing;
    };
    const first = await leave();
    await reaches(() => backend.gauge('num_requests_running'), 1);
    const second = await leave();
    await reaches(() => backend.gauge('num_requests_waiting'), 1);
    (state === 'waiting' ? second : first).destroy();
    await reaches(() => backend.gauge('num_requests_waiting'), 0);
    await reaches(() => backend.gauge('num_requests_running'), 1);
    (state === 'waiting' ? first : second).destroy();
    await reaches(() => backend.gauge('num_requests_running'), 0);
  });

  it('stop generating when the client goes in the middle of a stream', async () => {
    const backend = await start({ answerTokens: 1_000_000, tokensPerSecond: 200 });
    const stream = await backend.openai.chat.completions.create({ ...chat, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    await reaches(() => backend.gauge('num_requests_running'), 0);
    const tokens = await backend.gauge('generation_tokens_total');
    expect(tokens).toBeLessThan(1_000_000);
  });
});

describe('the sleep mode of a demo backend', () => {
  const asleep = async (level: number, changes: Partial<DemoBackendOptions> = {}) => {
    const backend = await start({ hasSleepMode: true, wakeTimeMs: 0, reloadTimeMs: 0, ...changes });
    const isSleeping = async () =>
      ((await (await fetch(`${backend.url}/is_sleeping`)).json()) as { is_sleeping: boolean }).is_sleeping;
    const ask = async () => (await backend.post('/v1/chat/completions', chat)).status;
    const health = async () => (await fetch(`${backend.url}/health`)).status;
    expect(await isSleeping()).toBe(false);
    expect((await backend.post(`/sleep?level=${level}`, '')).status).toBe(200);
    expect([await isSleeping(), await health()]).toEqual([true, 200]);
    return { ...backend, isSleeping, ask, health };
  };
  const reload = { method: 'reload_weights' };

  it('is off unless it was asked for', async () => {
    const backend = await start();
    for (const path of ['/sleep?level=1', '/wake_up', '/collective_rpc'])
      expect((await backend.post(path, reload)).status).toBe(404);
    expect((await fetch(`${backend.url}/is_sleeping`)).status).toBe(404);
  });

  it('wakes from level 1 by /wake_up, in its time', async () => {
    const clock = new ManualClock();
    const backend = await start({ hasSleepMode: true, loadTimeMs: 0, wakeTimeMs: 500 }, clock);
    await backend.post('/sleep', '');
    const woken = backend.post('/wake_up', '');
    await expect.poll(() => clock.pendingTimers).toBe(1);
    await clock.advance(500);
    expect((await woken).status).toBe(200);
    expect(await (await fetch(`${backend.url}/is_sleeping`)).json()).toEqual({ is_sleeping: false });
  });

  it('dies of a request while it sleeps', async () => {
    const backend = await asleep(1);
    expect(await backend.ask()).toBe(500);
    await backend.post('/wake_up', '');
    expect([await backend.ask(), await backend.health()]).toEqual([500, 503]);
  });

  it('wakes from level 2 in three steps, and needs the weights', async () => {
    const backend = await asleep(2);
    await backend.post('/wake_up?tags=weights', '');
    expect(await backend.isSleeping()).toBe(true);
    await backend.post('/collective_rpc', reload);
    await backend.post('/wake_up?tags=kv_cache', '');
    expect([await backend.isSleeping(), await backend.ask()]).toEqual([false, 200]);
    await backend.post('/sleep?level=2', '');
    await backend.post('/wake_up', '');
    expect([await backend.isSleeping(), await backend.ask()]).toEqual([false, 500]);
  });

  it('stays at its level when it is told to sleep deeper', async () => {
    const backend = await asleep(1);
    await backend.post('/sleep?level=2', '');
    await backend.post('/wake_up', '');
    expect(await backend.ask()).toBe(200);
  });

  it('wakes from level 1 by the way up of level 2 as well', async () => {
    const backend = await asleep(1);
    await backend.post('/wake_up?tags=weights', '');
    await backend.post('/collective_rpc', reload);
    await backend.post('/wake_up?tags=kv_cache', '');
    expect([await backend.isSleeping(), await backend.ask()]).toEqual([false, 200]);
  });

  it('fails where it was told to, and calls no other method', async () => {
    const backend = await asleep(1, { failing: ['/wake_up'] });
    expect((await backend.post('/wake_up', '')).status).toBe(500);
    expect((await backend.post('/wake_up?tags=weights', '')).status).toBe(200);
    expect((await backend.post('/collective_rpc', { method: 'other' })).status).toBe(400);
    expect(await backend.isSleeping()).toBe(true);
  });
});

describe('what a demo backend cannot serve', () => {
  it.each([
    ['/v1/chat/completions', '{"model":', 'the body is not JSON'],
    ['/v1/chat/completions', '[]', 'the body is not a JSON object'],
    ['/v1/chat/completions', '{"model":"demo"}', 'messages must be an array'],
    ['/v1/completions', '{}', 'prompt is missing'],
    ['/v1/completions', '{"prompt":"a","max_tokens":0}', 'max_tokens must be a whole number above 0'],
    ['/v1/embeddings', '{"input":7}', 'input must be a text or a list of texts'],
  ])('%s with %s is 400', async (path, body, message) => {
    const answer = await (await start()).post(path, body);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { message } }]);
  });

  it('an unknown path is 404', async () => {
    expect((await (await start()).post('/v1/audio/speech', '{}')).status).toBe(404);
  });

  it('a port in use rejects the start', async () => {
    const { port } = await start();
    await expect(startDemoBackend({ ...fast, port })).rejects.toThrow('EADDRINUSE');
  });
});

describe('closing a demo backend', () => {
  it('cuts what runs and frees the port', async () => {
    const backend = await startDemoBackend({ ...fast, firstTokenMs: 60_000 });
    const url = `http://127.0.0.1:${backend.port}`;
    const running = fetch(`${url}/v1/completions`, { method: 'POST', body: '{"prompt":"a"}' });
    const cut = expect(running).rejects.toThrow();
    await expect
      .poll(async () => (await fetch(`${url}/metrics`)).text())
      .toMatch(/num_requests_running\{.*\} 1/);
    await backend.close();
    await cut;
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });
});
