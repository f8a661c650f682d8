import OpenAI, { NotFoundError } from 'openai';
import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Answer, type Backend, startBackend } from '../../support/backend.ts';
import { type Gateway, settingsOf, startGateway } from '../../support/gateway.ts';

let gateway: Gateway;
let backend: Backend;

afterEach(async () => {
  await gateway?.close();
  await backend?.close();
});

async function begin(answer: Answer, contract = '{ name: openai, responses: chat }'): Promise<OpenAI> {
  backend = await startBackend(answer);
  gateway = await startGateway(
    settingsOf(
      `  llama: { aliases: [gpt-4o-mini], contract: ${contract}, backend: { driver: static, urls: ["${backend.url}"] } }`,
      'store: memory\nsurfaces: { responses: {} }',
    ),
  );
  return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
}

const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };

const completion: Answer = (res, _req, body) => {
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  const content = messages.map((message) => message.content).join('|');
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(JSON.stringify({ id: 'chatcmpl-1', created: 7, choices: [choice], usage }));
};

/** A stream of words, each written when the test says so. */
function wordsWhen(next: (index: number) => Promise<void>, words: readonly string[]): Answer {
  return async (res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [index, content] of words.entries()) {
      await next(index);
      res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
    }
    res.write('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
    res.end('data: [DONE]\n\n');
  };
}

function ended(client: OpenAI, id: string) {
  return vi.waitFor(async () => {
    const now = await client.responses.retrieve(id);
    expect(['queued', 'in_progress']).not.toContain(now.status);
    return now;
  });
}

describe('a background response', () => {
  it('is answered at once, and found when it is done', async () => {
    const client = await begin(completion);
    const made = await client.responses.create({
      model: 'gpt-4o-mini',
      input: 'Hello',
      background: true,
      metadata: { a: 'b' },
    });
    expect(made).toMatchObject({ object: 'response', background: true, store: true, metadata: { a: 'b' } });
    expect(['queued', 'in_progress', 'completed']).toContain(made.status);
    expect(await ended(client, made.id)).toMatchObject({
      id: made.id,
      status: 'completed',
      model: 'gpt-4o-mini',
      created_at: made.created_at,
      output_text: 'Hello',
      usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
    });
    const items = await client.responses.inputItems.list(made.id);
    expect(items.data).toMatchObject([{ role: 'user', content: 'Hello' }]);
    await client.responses.delete(made.id);
    await expect(client.responses.retrieve(made.id)).rejects.toThrow(NotFoundError);
  });

  it('goes on from the response before it', async () => {
    const client = await begin(completion);
    const first = await client.responses.create({ model: 'llama', input: 'One', background: true });
    await ended(client, first.id);
    const second = await client.responses.create({
      model: 'llama',
      input: 'Two',
      previous_response_id: first.id,
      background: true,
    });
    expect(await ended(client, second.id)).toMatchObject({
      previous_response_id: first.id,
      output_text: 'One|One|Two',
    });
    expect((await client.responses.inputItems.list(second.id)).data).toMatchObject([{ content: 'Two' }]);
  });

  it('is followed as it comes, and again from any event on', async () => {
    const turns = [0, 1, 2].map(() => Promise.withResolvers<void>());
    const client = await begin(wordsWhen((index) => turns[index]!.promise, ['Hel', 'lo', '!']));
    const stream = await client.responses.create({
      model: 'llama',
      input: 'x',
      background: true,
      stream: true,
    });
    const events: ResponseStreamEvent[] = [];
    let id = '';
    for await (const event of stream) {
      events.push(event);
      if (event.type === 'response.created') {
        id = event.response.id;
        turns[0]!.resolve();
      }
      // The connection breaks after the first word.
      if (event.type === 'response.output_text.delta') break;
    }
    turns[1]!.resolve();
    turns[2]!.resolve();
    const after = events.at(-1)!.sequence_number;
    for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: after })) {
      events.push(event);
    }
    const text = events.flatMap((event) =>
      event.type === 'response.output_text.delta' ? [event.delta] : [],
    );
    expect(text.join('')).toBe('Hello!');
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { id, background: true } });
    const numbers = events.map((event) => event.sequence_number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    const again: ResponseStreamEvent[] = [];
    for await (const event of await client.responses.retrieve(id, { stream: true })) again.push(event);
    expect(again).toEqual(events);
    expect((await client.responses.retrieve(id)).output_text).toBe('Hello!');
  });

  it('that is cancelled is aborted at its backend', async () => {
    const arrived = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const client = await begin((res) => {
      res.on('close', () => gone.resolve());
      arrived.resolve();
    });
    const { id } = await client.responses.create({ model: 'llama', input: 'x', background: true });
    await arrived.promise;
    await client.responses.cancel(id);
    await gone.promise;
    expect(await ended(client, id)).toMatchObject({ status: 'cancelled', output: [] });
    expect(await client.responses.cancel(id)).toMatchObject({ status: 'cancelled' });
  });

  it('fails with what its backend says, and with advice where that has no such route', async () => {
    const client = await begin((res) => {
      res.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"Not Found"}}');
    }, 'openai');
    const { id } = await client.responses.create({ model: 'llama', input: 'x', background: true });
    const { status, error } = await ended(client, id);
    expect(status).toBe('failed');
    expect(error?.message).toContain('responses: chat');
  });

  it('is refused where it cannot be mapped or kept, before it is accepted', async () => {
    const client = await begin(completion);
    const asked = { model: 'llama', input: 'x', background: true };
    await expect(
      client.responses.create({ ...asked, tools: [{ type: 'web_search' }] }),
    ).rejects.toMatchObject({ status: 501, param: 'tools[0]' });
    await expect(client.responses.create({ ...asked, store: false })).rejects.toMatchObject({
      status: 400,
      param: 'store',
    });
    await expect(client.responses.create({ ...asked, model: 'none' })).rejects.toMatchObject({ status: 404 });
    await expect(
      client.responses.create({ ...asked, previous_response_id: 'resp_none' }),
    ).rejects.toMatchObject({ status: 404, param: 'previous_response_id' });
    expect(backend.seen).toEqual([]);
  });

  it('is one for the same idempotency key', async () => {
    const client = await begin(completion);
    const asked = { model: 'llama', input: 'x', background: true };
    const headers = { 'idempotency-key': 'mine' };
    const first = await client.responses.create(asked, { headers });
    expect((await client.responses.create(asked, { headers })).id).toBe(first.id);
    await ended(client, first.id);
    expect(backend.seen).toHaveLength(1);
  });
});

describe('a response that is waited for', () => {
  it('is mapped to a chat, whole and as a stream', async () => {
    const client = await begin(completion);
    expect(await client.responses.create({ model: 'llama', input: 'Hello' })).toMatchObject({
      status: 'completed',
      output_text: 'Hello',
    });
    await gateway.close();
    await backend.close();
    const streaming = await begin(wordsWhen(async () => undefined, ['Hel', 'lo']));
    const final = await streaming.responses.stream({ model: 'llama', input: 'x' }).finalResponse();
    expect(final).toMatchObject({ status: 'completed', output_text: 'Hello' });
  });

  it('goes to the backend as it is where that knows the API', async () => {
    const answer = '{"id":"resp_theirs","object":"response","output":[]}';
    const client = await begin((res) => {
      res.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    }, 'openai');
    expect(await client.responses.create({ model: 'llama', input: 'x' })).toMatchObject({
      id: 'resp_theirs',
    });
    expect(backend.seen[0]).toMatchObject({ url: '/v1/responses' });
  });
});
