import { Ollama } from 'ollama';
import { afterEach, describe, expect, it } from 'vitest';
import { startBackend } from '../support/backend.ts';
import { World } from '../support/world.ts';
import { startWith } from './demo-models.ts';

const world = new World();
afterEach(() => world.close());

async function client(): Promise<Ollama> {
  const { url } = await startWith(world, '{ ollama: { prefix: /ollama } }');
  return new Ollama({ host: `${url}/ollama` });
}

const messages = [{ role: 'user', content: 'Hello' }];

describe('the official Ollama client', () => {
  it('chats with a cold model', async () => {
    const ollama = await client();
    const answer = await ollama.chat({ model: 'chat', messages });
    expect(answer.message).toMatchObject({ role: 'assistant' });
    expect(answer.message.content).toContain('simulated');
    expect(answer).toMatchObject({ model: 'chat', done: true, done_reason: 'stop' });
    // Nanoseconds of the start.
    expect(answer.load_duration).toBeGreaterThan(100_000_000);
    expect(answer.eval_count).toBeGreaterThan(0);
  });

  it('streams a chat line by line, the last with the counts', async () => {
    const ollama = await client();
    const stream = await ollama.chat({
      model: 'chat:latest',
      messages,
      stream: true,
      options: { num_predict: 5 },
    });
    const parts = [];
    for await (const part of stream) parts.push(part);
    const text = parts.map(({ message }) => message.content).join('');
    expect(text.trim().split(' ')).toHaveLength(5);
    expect(parts.map(({ done }) => done)).toEqual([...parts.slice(1).map(() => false), true]);
    expect(parts.at(-1)).toMatchObject({ model: 'chat:latest', done_reason: 'length', eval_count: 5 });
  });

  it('generates, as a chat of one message or raw', async () => {
    const ollama = await client();
    const plain = await ollama.generate({
      model: 'chat',
      prompt: 'Hello',
      system: 'Be brief',
      options: { num_predict: 3 },
    });
    expect(plain.response!.trim().split(' ')).toHaveLength(3);
    const raw = await ollama.generate({
      model: 'chat',
      prompt: 'Hello',
      raw: true,
      options: { num_predict: 2 },
    });
    expect(raw.response!.trim().split(' ')).toHaveLength(2);
  });

  it('lists the models by name and alias, and those that are up apart', async () => {
    const ollama = await client();
    expect((await ollama.list()).models.map(({ name }) => name)).toEqual(['chat', 'acme/chat']);
    expect((await ollama.ps()).models).toEqual([]);
    await ollama.chat({ model: 'chat', messages });
    expect((await ollama.ps()).models.map(({ name }) => name)).toEqual(['chat']);
    expect((await ollama.show({ model: 'chat' })).capabilities).toEqual(['completion']);
    expect(await ollama.version()).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
    expect(await ollama.pull({ model: 'chat' })).toEqual({ status: 'success' });
  });

  it('is told what is wrong in its own words', async () => {
    const ollama = await client();
    await expect(ollama.chat({ model: 'other', messages })).rejects.toThrow(/other.*chat/);
    await expect(ollama.chat({ model: 'chat', messages: [], keep_alive: 0 })).rejects.toThrow(/keep_alive/);
    await expect(ollama.create({ model: 'mine', from: 'chat' })).rejects.toThrow(/configuration/);
  });

  it('loads a model by a request without anything to answer', async () => {
    const ollama = await client();
    const answer = await ollama.generate({ model: 'chat', prompt: '' });
    expect(answer).toMatchObject({ done: true, done_reason: 'load' });
    await expect.poll(async () => (await ollama.ps()).models.length).toBe(1);
  });
});

describe('what its backend is asked', () => {
  it('is OpenAI’s chat: options, tools, images, formats; its calls come back as Ollama’s', async () => {
    const seen: Record<string, unknown>[] = [];
    const backend = await startBackend((res, _req, body) => {
      seen.push(JSON.parse(body) as Record<string, unknown>);
      const call = {
        id: 'call_1',
        type: 'function',
        function: { name: 'weather', arguments: '{"city":"Oslo"}' },
      };
      const message = { role: 'assistant', content: null, tool_calls: [call], reasoning_content: 'hm' };
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(
        JSON.stringify({
          choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
          usage: { prompt_tokens: 7, completion_tokens: 3 },
        }),
      );
    });
    world.onClose(() => backend.close());
    const fixed = `
  tools:
    backend: { driver: static, urls: ["${backend.url}"], ready: { path: /health } }
`;
    const { url } = await startWith(world, '{ ollama: {} }', fixed);
    const tools = [{ type: 'function', function: { name: 'weather' } }];
    const answer = await new Ollama({ host: url }).chat({
      model: 'tools',
      messages: [{ role: 'user', content: 'Look', images: ['/9j/AAAA'] }],
      tools,
      format: { type: 'object' },
      options: { temperature: 0.5, num_predict: -1, repeat_penalty: 1.1, num_ctx: 4096 },
    });
    expect(seen[0]).toMatchObject({
      model: 'tools',
      temperature: 0.5,
      repetition_penalty: 1.1,
      tools,
      response_format: { type: 'json_schema', json_schema: { schema: { type: 'object' } } },
    });
    expect(seen[0]).not.toHaveProperty('max_tokens');
    expect(seen[0]).not.toHaveProperty('num_ctx');
    expect(JSON.stringify(seen[0]!.messages)).toContain('data:image/jpeg;base64,/9j/AAAA');
    expect(answer.message).toEqual({
      role: 'assistant',
      content: '',
      thinking: 'hm',
      tool_calls: [{ function: { name: 'weather', arguments: { city: 'Oslo' } } }],
    });
    expect(answer).toMatchObject({ prompt_eval_count: 7, eval_count: 3 });
  });
});
