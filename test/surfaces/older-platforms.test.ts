import { afterEach, describe, expect, it } from 'vitest';
import { World } from '../support/world.ts';
import { startWith } from './demo-models.ts';

const world = new World();
afterEach(() => world.close());

const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }] });
const headers = { 'content-type': 'application/json' };

describe('a server of Potassium', () => {
  it('warms up, says whether it is free, answers, and runs in the background', async () => {
    const { url } = await startWith(world, '{ potassium: {}, jobs: {} }');
    const status = async () => (await fetch(`${url}/chat/_k/status`)).json();
    expect(await status()).toEqual({ gpu_available: false });
    const warm = await fetch(`${url}/chat/_k/warmup`, { method: 'POST' });
    expect(await warm.json()).toEqual({ warm: true });
    await expect.poll(status, { timeout: 10_000 }).toEqual({ gpu_available: true });
    const answer = await fetch(`${url}/chat`, { method: 'POST', headers, body });
    expect(await answer.json()).toMatchObject({ model: 'chat' });
    const background = await fetch(`${url}/chat/background`, { method: 'POST', headers, body });
    expect(await background.json()).toEqual({ started: true });
    expect(background.headers.get('x-pilotlight-job')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('an endpoint of OctoAI', () => {
  it('answers at once, or later to who asks by the id', async () => {
    const { url } = await startWith(world, '{ octoai: { prefix: /octoai } }');
    const sync = await fetch(`${url}/octoai/chat/infer`, { method: 'POST', headers, body });
    expect(await sync.json()).toMatchObject({ model: 'chat' });
    const made = await fetch(`${url}/octoai/chat/infer`, {
      method: 'POST',
      headers: { ...headers, 'x-octoai-async': '1' },
      body,
    });
    expect(made.status).toBe(202);
    const { response_id: id, poll_url: pollUrl } = (await made.json()) as {
      response_id: string;
      poll_url: string;
    };
    const status = async () => ((await (await fetch(pollUrl)).json()) as { status: string }).status;
    await expect.poll(status, { timeout: 10_000 }).toBe('completed');
    const result = await fetch(`${url}/octoai/v1/responses/${id}`);
    expect(await result.json()).toMatchObject({ model: 'chat' });
  });
});
