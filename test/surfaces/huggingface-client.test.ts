import { InferenceClient } from '@huggingface/inference';
import { afterEach, describe, expect, it } from 'vitest';
import { World } from '../support/world.ts';
import { startWith } from './demo-models.ts';

const world = new World();
afterEach(() => world.close());

const messages = [{ role: 'user', content: 'Hello' }];

describe('the official Hugging Face client at an endpoint', () => {
  it('chats with a cold model, whole and piece by piece', async () => {
    const { url } = await startWith(world, '{ huggingface: { prefix: /hf } }');
    const endpoint = new InferenceClient('none').endpoint(`${url}/hf/chat`);
    const whole = await endpoint.chatCompletion({ messages });
    expect(whole.choices[0]!.message.content).toContain('simulated');
    let text = '';
    for await (const chunk of endpoint.chatCompletionStream({ messages, max_tokens: 4 })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text.trim().split(' ')).toHaveLength(4);
  });

  it('generates text', async () => {
    const { url } = await startWith(world, '{ huggingface: { prefix: /hf } }');
    const endpoint = new InferenceClient('none').endpoint(`${url}/hf/chat`);
    const { generated_text: text } = await endpoint.textGeneration({
      inputs: 'Hello',
      parameters: { max_new_tokens: 3 },
    });
    expect(text.trim().split(' ')).toHaveLength(3);
  });
});

describe('an endpoint that starts', () => {
  const post = (url: string, headers: Record<string, string> = {}) =>
    fetch(`${url}/chat/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ messages }),
    });

  it('answers 503 as the original, unless the request may be held', async () => {
    const { url } = await startWith(world, '{ huggingface: { limits: original } }');
    const refused = await post(url);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: expect.stringContaining('initializing') });
    expect((await post(url, { 'x-scale-up-timeout': '30' })).status).toBe(200);
    expect((await post(url, { 'x-scale-up-timeout': 'soon' })).status).toBe(400);
  });

  it('holds by itself otherwise, unless it is told not to wait', async () => {
    const { url } = await startWith(world, '{ huggingface: {} }');
    expect((await post(url, { 'x-wait-for-model': 'false' })).status).toBe(503);
    expect((await post(url)).status).toBe(200);
  });

  it('has the states of the management API', async () => {
    const { url } = await startWith(world, '{ huggingface: {} }');
    const state = async () => {
      const answer = (await (await fetch(`${url}/v2/endpoint/mine/chat`)).json()) as {
        status: { state: string };
      };
      return answer.status.state;
    };
    expect(await state()).toBe('scaledToZero');
    expect((await fetch(`${url}/chat/health`)).status).toBe(503);
    const answer = post(url);
    await expect.poll(state).toBe('initializing');
    await answer;
    expect(await state()).toBe('running');
    expect((await fetch(`${url}/chat/health`)).status).toBe(200);
  });
});
