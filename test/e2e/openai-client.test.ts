import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Gateway, settingsOf, startGateway } from '../support/gateway.ts';

const demo = (name: string, loadTime: string) => `
  ${name}:
    aliases: [${name}-alias]
    backend:
      driver: process
      command: ["{pilotlight}", demo-backend, --port, "{port}", --model, "{model}", --load-time, "${loadTime}", --tokens-per-second, "500", --first-token, 5ms]
    concurrency: 2
    queue: { max: 2 }
`;

describe('the official OpenAI client against a cold model', () => {
  let gateway: Gateway;
  let client: OpenAI;

  beforeEach(async () => {
    gateway = await startGateway(settingsOf(demo('cold', '300ms')));
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused' });
  });
  afterEach(() => gateway.close());

  it('gets a chat completion from a backend that was not running', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: 'cold', messages: [{ role: 'user', content: 'Hello' }] })
      .withResponse();
    expect(data.choices[0]!.message.content).toContain('simulated');
    expect(Number(response.headers.get('x-pilotlight-cold-start'))).toBeGreaterThanOrEqual(300);
    expect(response.headers.get('server-timing')).toMatch(/queue;dur=.*cold;dur=.*backend;dur=.*proxy;dur=/);
  });

  it('reaches the model by its alias, under the name the backend knows', async () => {
    const answer = await client.chat.completions.create({
      model: 'cold-alias',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    expect(answer.model).toBe('cold');
  });

  it('streams', async () => {
    const stream = await client.chat.completions.create({
      model: 'cold',
      stream: true,
      max_tokens: 5,
      messages: [{ role: 'user', content: 'Hello' }],
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text.split(' ')).toHaveLength(5);
  });

  it('lists models without waking them', async () => {
    const ids = (await client.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(['cold', 'cold-alias']);
    const { models } = (await (await fetch(`${gateway.adminUrl}/api/models`)).json()) as {
      models: { state: string }[];
    };
    expect(models[0]!.state).toBe('cold');
  });

  it('raises the error class of each status', async () => {
    const wrong = client.chat.completions.create({ model: 'nobody', messages: [] });
    await expect(wrong).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(wrong).rejects.toMatchObject({ code: 'model_not_found', param: 'model' });
    const missing = client.chat.completions.create({
      messages: [],
    } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming);
    await expect(missing).rejects.toMatchObject({ status: 400, code: 'model_required' });
  });

  it('retries after a 429 and is served', async () => {
    const once = () =>
      client.chat.completions.create({
        model: 'cold',
        max_tokens: 1,
        messages: [{ role: 'user', content: 'Hello' }],
      });
    const answers = await Promise.all([once(), once(), once(), once()]);
    expect(answers).toHaveLength(4);
  });

  it('leaves the queue when the client aborts', async () => {
    const abort = new AbortController();
    const request = client.chat.completions.create({ model: 'cold', messages: [] }, { signal: abort.signal });
    const waiting = async () =>
      ((await (await fetch(`${gateway.adminUrl}/api/models/cold`)).json()) as { queue: { waiting: number } })
        .queue.waiting;
    await expect.poll(waiting).toBe(1);
    abort.abort();
    await expect(request).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await expect.poll(waiting).toBe(0);
  });
});
