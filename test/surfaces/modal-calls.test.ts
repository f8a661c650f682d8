import { afterEach, describe, expect, it } from 'vitest';
import { World } from '../support/world.ts';
import { startWith } from './demo-models.ts';

const world = new World();
afterEach(() => world.close());

const body = JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'Hello' }] });
const headers = { 'content-type': 'application/json' };

describe('a call of Modal', () => {
  it('is redirected until its result is there: fetch follows to the answer of a cold model', async () => {
    const { url } = await startWith(world, '{ modal: { prefix: /modal } }');
    const answer = await fetch(`${url}/modal/v1/chat/completions`, {
      method: 'POST',
      headers: { ...headers, prefer: 'wait=0' },
      body,
    });
    expect(answer.redirected).toBe(true);
    expect(answer.url).toContain('__modal_function_call_id=fc-');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ object: 'chat.completion', model: 'chat' });
    const again = await fetch(answer.url);
    expect(await again.json()).toMatchObject({ object: 'chat.completion' });
  });

  it('answers at once where it is done in time, and streams without a redirect', async () => {
    const { url } = await startWith(world, '{ modal: { prefix: /modal } }');
    const whole = await fetch(`${url}/modal/v1/chat/completions`, {
      method: 'POST',
      headers,
      body,
      redirect: 'error',
    });
    expect(await whole.json()).toMatchObject({ model: 'chat' });
    const stream = await fetch(`${url}/modal/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ ...(JSON.parse(body) as object), stream: true, max_tokens: 2 }),
      redirect: 'error',
    });
    expect(await stream.text()).toContain('data: [DONE]');
  });

  it('that is not kept is 404', async () => {
    const { url } = await startWith(world, '{ modal: {} }');
    const answer = await fetch(`${url}/v1/chat/completions?__modal_function_call_id=fc-none`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ detail: expect.stringContaining('fc-none') });
  });
});
