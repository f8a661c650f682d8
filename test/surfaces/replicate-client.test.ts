import Replicate from 'replicate';
import { afterEach, describe, expect, it } from 'vitest';
import { settingsOf } from '../support/gateway.ts';
import { World } from '../support/world.ts';
import { startWith } from './demo-models.ts';

const world = new World();
afterEach(() => world.close());

async function client() {
  const { url } = await startWith(world, '{ replicate: {} }');
  return { replicate: new Replicate({ baseUrl: `${url}/v1`, auth: 'none' }), url };
}

const input = { prompt: 'Hello', max_tokens: 5 };

describe('the official Replicate client', () => {
  it('runs a cold model and gets its text', async () => {
    const { replicate } = await client();
    const output = (await replicate.run('acme/chat', { input })) as string[];
    expect(output.join('').trim().split(' ')).toHaveLength(5);
  });

  it('makes a prediction on a version, follows and lists it', async () => {
    const { replicate } = await client();
    const made = await replicate.predictions.create({ version: 'acme/chat:abc', input });
    expect(made).toMatchObject({
      status: 'starting',
      model: 'acme/chat',
      version: 'acme/chat:abc',
      input,
      source: 'api',
    });
    expect(made.id).toMatch(/^[a-z2-7]{26}$/);
    const ended = await replicate.wait(made, { interval: 50 });
    expect(ended).toMatchObject({ id: made.id, status: 'succeeded', error: null });
    expect(ended.metrics!.total_time).toBeGreaterThan(0.1);
    const { results } = await replicate.predictions.list();
    expect(results.map(({ id, status }) => ({ id, status }))).toEqual([{ id: made.id, status: 'succeeded' }]);
  });

  it('streams by the URL of the prediction', async () => {
    const { replicate } = await client();
    const events = [];
    for await (const event of replicate.stream('acme/chat', { input })) events.push(event);
    const text = events
      .filter(({ event }) => event === 'output')
      .map(({ data }) => data)
      .join('');
    expect(text.trim().split(' ')).toHaveLength(5);
    expect(events.at(-1)).toMatchObject({ event: 'done', data: '{}' });
  });

  it('makes one by a deployment and cancels it', async () => {
    const { replicate } = await client();
    const made = await replicate.deployments.predictions.create('acme', 'chat', {
      input: { ...input, max_tokens: 2000 },
    });
    expect(made.deployment).toBe('acme/chat');
    await replicate.predictions.cancel(made.id);
    const ended = await replicate.wait(made, { interval: 50 });
    expect(ended.status).toBe('canceled');
  });

  it('waits as long as it was told, and a deadline aborts what has not begun', async () => {
    const { url } = await client();
    const post = (headers: Record<string, string>, body: object) =>
      fetch(`${url}/v1/predictions`, { method: 'POST', headers, body: JSON.stringify(body) });
    const waited = await post({ prefer: 'wait=30' }, { version: 'chat', input });
    expect(waited.status).toBe(201);
    expect(await waited.json()).toMatchObject({ status: 'succeeded', version: 'chat' });
    const faulty = await post({ 'cancel-after': 'soon' }, { version: 'chat', input });
    expect(faulty.status).toBe(422);
    const unknown = await post({}, { version: 'other', input });
    expect(await unknown.json()).toMatchObject({
      status: 422,
      detail: expect.stringContaining('there are chat'),
    });
    expect((await post({}, { version: 'chat' })).status).toBe(422);
  });

  it('gets the secret of its webhooks, the same each time', async () => {
    const { replicate } = await client();
    const { key } = await replicate.webhooks.default.secret.get();
    expect(key).toMatch(/^whsec_/);
    expect((await replicate.webhooks.default.secret.get()).key).toBe(key);
  });

  it('does not pretend what is not there', async () => {
    const { replicate } = await client();
    await expect(replicate.hardware.list()).rejects.toThrow(/501/);
    await expect(replicate.predictions.get('none')).rejects.toThrow(/404/);
  });

  it('shows what is kept of a model that is not configured any more', async () => {
    const other = `
  other:
    backend: { driver: static, urls: ["http://127.0.0.1:9"], ready: { path: /health } }
`;
    const gateway = await startWith(world, '{ replicate: {} }', other);
    const replicate = new Replicate({ baseUrl: `${gateway.url}/v1`, auth: 'none' });
    const made = await replicate.predictions.create({ version: 'chat', input });
    await replicate.wait(made, { interval: 50 });
    gateway.app.reload(settingsOf(other, 'store: memory\nsurfaces: { replicate: {} }'));
    const { results } = await replicate.predictions.list();
    expect(results.map(({ id, status }) => ({ id, status }))).toEqual([{ id: made.id, status: 'succeeded' }]);
    expect((await replicate.predictions.get(made.id)).output).toEqual([expect.any(String)]);
    await expect(replicate.predictions.create({ version: 'chat', input })).rejects.toThrow(/422/);
  });
});
