import runpodSdk from 'runpod-sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { World } from '../support/world.ts';
import { startWith } from './demo-models.ts';

const world = new World();
afterEach(() => world.close());

async function endpoint(surfaces = '{ runpod: {} }') {
  const { url } = await startWith(world, surfaces);
  const client = runpodSdk('none', { baseUrl: `${url}/v2` }).endpoint('chat')!;
  return { client, url };
}

const input = { messages: [{ role: 'user', content: 'Hello' }] };

describe('the official RunPod client', () => {
  it('runs a job on a cold model and waits for it', async () => {
    const { client } = await endpoint();
    const result = await client.runSync({ input });
    expect(result).toMatchObject({ status: 'COMPLETED', completed: true, succeeded: true });
    expect(result.delayTime).toBeGreaterThan(100);
    expect(result.executionTime).toBeGreaterThanOrEqual(0);
    expect(result.output.choices[0].message.content).toContain('simulated');
  });

  it('runs one in the background, and asks for it until it has ended', async () => {
    const { client } = await endpoint();
    const { id, status } = await client.run({
      input: { prompt: 'Hello', sampling_params: { max_tokens: 3 } },
    });
    expect(status).toBe('IN_QUEUE');
    await expect.poll(async () => (await client.status(id)).status, { timeout: 10_000 }).toBe('COMPLETED');
    const { output } = (await client.status(id)) as { output: { choices: { text: string }[] } };
    expect(output.choices[0]!.text.trim().split(' ')).toHaveLength(3);
    expect((await client.health()).jobs).toMatchObject({
      completed: 1,
      failed: 0,
      inProgress: 0,
      inQueue: 0,
    });
  });

  it('streams the pieces of one that is run piece by piece, each once', async () => {
    const { client } = await endpoint();
    const { id } = await client.run({ input: { ...input, stream: true, max_tokens: 4 } });
    const pieces = [];
    for await (const piece of client.stream(id)) pieces.push(piece);
    const text = pieces.map(({ output }) => output.choices?.[0]?.delta?.content ?? '').join('');
    expect(text.trim().split(' ')).toHaveLength(4);
  });

  it('cancels, retries and purges', async () => {
    const { client, url } = await endpoint();
    const { id } = await client.run({ input, policy: { lowPriority: true } });
    // Low jobs wake nobody.
    expect((await client.status(id)).status).toBe('IN_QUEUE');
    expect(await client.cancel(id)).toMatchObject({ id, status: 'CANCELLED' });
    const others = await Promise.all(
      [1, 2, 3].map(() => client.run({ input, policy: { lowPriority: true } })),
    );
    expect(await client.purgeQueue()).toEqual({ removed: 3, status: 'completed' });
    expect((await client.status(others[0]!.id)).status).toBe('CANCELLED');
    const again = await fetch(`${url}/v2/chat/retry/${id}`, { method: 'POST' });
    expect(again.status).toBe(409);
    expect(await again.json()).toEqual({ error: expect.stringContaining('only FAILED and TIMED_OUT') });
  });

  it('is refused with what is wrong, in RunPod’s form', async () => {
    const { url } = await endpoint();
    const post = async (path: string, body: object) => {
      const response = await fetch(`${url}/v2/${path}`, { method: 'POST', body: JSON.stringify(body) });
      return { status: response.status, body: (await response.json()) as { error: string } };
    };
    expect(await post('chat/run', {})).toEqual({ status: 400, body: { error: 'input is required' } });
    expect((await post('other/run', { input })).status).toBe(404);
    expect((await post('chat/run', { input, s3Config: {} })).status).toBe(501);
    expect((await post('chat/run', { input, policy: { ttl: 1 } })).body.error).toContain(
      'policy.ttl must be from',
    );
    expect((await post('chat/run', { input: { what: 1 } })).body.error).toContain('messages');
    expect((await post('chat/runsync?wait=5', { input })).body.error).toContain('wait must be from');
    expect(await (await fetch(`${url}/v2/chat/status/none`)).json()).toEqual({
      error: expect.stringContaining('none'),
    });
  });

  it('reaches OpenAI’s routes of the one model below it', async () => {
    const { url } = await endpoint();
    const base = `${url}/v2/chat/openai/v1`;
    const { data } = (await (await fetch(`${base}/models`)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['chat']);
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ model: 'whatever', ...input });
    const answer = await fetch(`${base}/chat/completions`, { method: 'POST', headers, body });
    expect(await answer.json()).toMatchObject({ model: 'chat' });
    const other = await fetch(`${base}/load_lora_adapter`, { method: 'POST', headers, body });
    expect(other.status).toBe(404);
    expect(await other.json()).toMatchObject({ error: { code: 'route_not_found' } });
  });
});
