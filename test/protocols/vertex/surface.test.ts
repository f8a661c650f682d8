import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { PilotlightError } from '../../../src/core/errors.ts';
import { vertex } from '../../../src/protocols/vertex/surface.ts';
import { type PlayedAnswer, PlayedDesk, type PlayedModel, pieces } from '../../support/played-desk.ts';
import { serveSurface } from '../../support/served-surface.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const endpoints = '/v1/projects/p-1/locations/europe-west4/endpoints';

async function set(
  backend: () => PlayedAnswer,
  { limits = 'own', ...model }: Partial<PlayedModel> & { limits?: 'own' | 'original' } = {},
) {
  const desk = new PlayedDesk(
    [{ name: 'llama', aliases: ['llama:8b'], contract: 'vertex', ...model }],
    backend,
  );
  const { url, close } = await serveSurface(vertex, desk, { limits });
  closers.push(close);
  const post = (target: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}${endpoints}/${target}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const sent = () => JSON.parse(desk.asked[0]!.call.body.toString()) as unknown;
  return { desk, post, sent, url };
}

describe(':predict', () => {
  it('gives instances and parameters to the predict route, and its predictions back with the ids', async () => {
    const { post, sent, desk } = await set(() => ({
      body: '{"predictions":[1,{"a":2}],"metadata":{"took":3}}',
    }));
    const asked = { instances: [{ x: 1 }, { x: 2 }], parameters: { top: 1 } };
    const answer = await post('llama:predict', asked);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      {
        predictions: [1, { a: 2 }],
        deployedModelId: 'llama',
        model: 'projects/p-1/locations/europe-west4/models/llama',
        modelDisplayName: 'llama',
        modelVersionId: '1',
        metadata: { took: 3 },
      },
    ]);
    expect(desk.asked[0]!.call.path).toBe('/predict');
    expect(sent()).toEqual(asked);
  });

  it('asks a backend of OpenAI for one instance, the parameters being fields of it', async () => {
    const completion = { choices: [{ text: 'hi' }] };
    const { post, sent } = await set(() => ({ body: JSON.stringify(completion) }), { contract: 'openai' });
    const answer = await post('llama:8b:predict', {
      instances: [{ prompt: 'a' }],
      parameters: { max_tokens: 5 },
    });
    expect(await answer.json()).toMatchObject({ predictions: [completion], deployedModelId: 'llama' });
    expect(sent()).toEqual({ prompt: 'a', max_tokens: 5, model: 'llama' });
  });

  it.each([
    [{ instances: [{ prompt: 'a' }, { prompt: 'b' }] }, 'takes one instance at a time, not 2'],
    [{ instances: 'a' }, 'instances must be a list'],
    ['nonsense', 'not JSON'],
  ])('refuses %o as an invalid argument', async (body, message) => {
    const { post, desk } = await set(() => ({ body: '{}' }), { contract: 'openai' });
    const answer = await post('llama:predict', body);
    const { error } = (await answer.json()) as { error: { code: number; message: string; status: string } };
    expect(answer.status).toBe(400);
    expect(error).toMatchObject({ code: 400, status: 'INVALID_ARGUMENT' });
    expect(error.message).toContain(message);
    expect(desk.asked).toEqual([]);
  });

  it("tells the model's error under its own status", async () => {
    const { post } = await set(() => ({ status: 500, body: '{"error":"no memory"}' }));
    const answer = await post('llama:predict', { instances: [] });
    expect([answer.status, await answer.json()]).toEqual([
      500,
      { error: { code: 500, message: 'the backend answered 500: no memory', status: 'INTERNAL' } },
    ]);
  });

  it('is bounded as a dedicated endpoint is where its limits are asked for', async () => {
    const { post, desk } = await set(() => ({ body: '{"predictions":[]}' }), { limits: 'original' });
    await post('llama:predict', { instances: [] });
    expect(desk.asked[0]!.ask).toMatchObject({ runMs: 600_000 });
    const routes = vertex.routes({ limits: 'original', isBesideOpenai: true });
    expect(new Set(routes.map(({ maxBodyBytes }) => maxBodyBytes))).toEqual(new Set([10 * 1024 * 1024]));
  });
});

describe(':rawPredict and :streamRawPredict', () => {
  it('pass bytes, type and fields both ways, with the ids in the head', async () => {
    const { post, desk } = await set(() => ({
      status: 418,
      body: 'tea',
      contentType: 'text/plain',
      headers: { 'x-mine': '1' },
    }));
    const headers = {
      'content-type': 'audio/wav',
      'x-custom': 'a',
      'x-api-key': 'k',
      authorization: 'Bearer k',
      cookie: 'c',
    };
    const answer = await post('llama:8b:rawPredict', 'RIFF', headers);
    expect([answer.status, await answer.text()]).toEqual([418, 'tea']);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/plain',
      'x-mine': '1',
      'x-vertex-ai-endpoint-id': 'llama:8b',
      'x-vertex-ai-deployed-model-id': 'llama',
    });
    const { call } = desk.asked[0]!;
    expect(call).toMatchObject({ path: '/predict', contentType: 'audio/wav' });
    expect(call.headers).toEqual({ accept: '*/*', 'x-custom': 'a' });
    expect(call.body.toString()).toBe('RIFF');
  });

  it('pass a stream on as it comes', async () => {
    const body = pieces(['data: a\n\n', 'data: b\n\n']);
    const { post, desk } = await set(() => ({ body, contentType: 'text/event-stream' }));
    const answer = await post('llama:streamRawPredict', {});
    expect([answer.headers.get('content-type'), await answer.text()]).toEqual([
      'text/event-stream',
      'data: a\n\ndata: b\n\n',
    ]);
    expect(desk.asked[0]!.call.isStream).toBe(true);
  });
});

describe(':serverStreamingPredict', () => {
  const inputs = [{ struct_val: { prompt: { string_val: ['hello'] } } }];
  const parameters = {
    structVal: { max_tokens: { intVal: [5] }, stop: { listVal: [{ stringVal: ['x'] }] } },
  };
  const chunk = (content: string) => `data: ${JSON.stringify({ choices: [{ text: content }] })}\n\n`;
  const streamed = (code?: PilotlightError['code']) => () => ({
    body: pieces(
      [chunk('a'), chunk('b'), 'data: {"choices":[{"text":"","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'],
      code,
    ),
    contentType: 'text/event-stream',
  });
  const outputs = (...texts: string[]) =>
    texts.map((text) => ({ outputs: [{ structVal: { content: { stringVal: [text] } } }] }));

  it('reads tensors and answers with an array of them', async () => {
    const { post, sent } = await set(streamed(), { contract: 'openai' });
    const answer = await post('llama:serverStreamingPredict', { inputs, parameters });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toEqual(outputs('a', 'b'));
    expect(sent()).toEqual({ prompt: 'hello', max_tokens: 5, stop: ['x'], model: 'llama', stream: true });
  });

  it('answers with events where they are asked for', async () => {
    const { post } = await set(streamed(), { contract: 'openai' });
    const answer = await post('llama:serverStreamingPredict?alt=sse', { inputs });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    const events = (await answer.text()).trim().split('\n\n');
    expect(events.map((event) => JSON.parse(event.replace('data: ', '')) as unknown)).toEqual(
      outputs('a', 'b'),
    );
  });

  it('has an error as its last element where the stream broke', async () => {
    const { post } = await set(streamed('backend_reset'), { contract: 'openai' });
    const list = (await (await post('llama:serverStreamingPredict', { inputs })).json()) as unknown[];
    expect(list.at(-1)).toMatchObject({ error: { code: 500, status: 'INTERNAL' } });
  });

  it('gives the whole answer of a backend that does not stream as one', async () => {
    const { post, sent } = await set(() => ({
      body: '{"predictions":[{"score":0.5,"ok":true,"tags":["a",null]}]}',
    }));
    const tensor = {
      structVal: {
        score: { doubleVal: [0.5] },
        ok: { boolVal: [true] },
        tags: { listVal: [{ stringVal: ['a'] }, {}] },
      },
    };
    expect(
      await (await post('llama:serverStreamingPredict', { inputs: [{ doubleVal: [1, 2] }] })).json(),
    ).toEqual([{ outputs: [{ listVal: [tensor] }] }]);
    expect(sent()).toEqual({ instances: [[1, 2]] });
  });

  it('is an empty array where nothing came', async () => {
    const { post } = await set(() => ({ body: pieces([]), contentType: 'text/event-stream' }), {
      contract: 'openai',
    });
    expect(await (await post('llama:serverStreamingPredict', { inputs })).json()).toEqual([]);
  });

  it.each([
    [{ inputs: [{ tensorVal: 'AAAA' }] }, 501, 'tensorVal'],
    [{ inputs: {} }, 400, 'inputs must be a list'],
    [{ inputs: ['a'] }, 400, 'a tensor must be an object'],
  ])('refuses %o', async (body, status, message) => {
    const { post } = await set(streamed());
    const answer = await post('llama:serverStreamingPredict', body);
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(message)]);
  });

  it("tells the model's error before the stream has begun", async () => {
    const { post } = await set(() => ({ status: 400, body: '{"error":{"message":"too long"}}' }));
    const answer = await post('llama:serverStreamingPredict', { inputs });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: { code: 400, message: 'the backend answered 400: too long', status: 'INVALID_ARGUMENT' } },
    ]);
  });
});

describe('an endpoint', () => {
  it('takes chats of an OpenAI client, with errors as that client reads them', async () => {
    const { url } = await set(() => ({ body: '{"choices":[{"message":{"content":"hi"}}]}' }), {
      contract: 'openai',
    });
    const client = new OpenAI({ baseURL: `${url}${endpoints}/llama`, apiKey: 'k', maxRetries: 0 });
    const chat = { model: '', messages: [{ role: 'user' as const, content: 'a' }] };
    expect((await client.chat.completions.create({ ...chat, model: 'x' })).choices[0]!.message.content).toBe(
      'hi',
    );
    const other = new OpenAI({ baseURL: `${url}${endpoints}/none`, apiKey: 'k', maxRetries: 0 });
    await expect(other.chat.completions.create({ ...chat, model: 'x' })).rejects.toMatchObject({
      status: 404,
    });
  });

  it.each([
    ['none:predict', 404, 'NOT_FOUND', 'MODEL_NOT_FOUND'],
    ['llama:explain', 501, 'UNIMPLEMENTED', 'NOT_EMULATED'],
    ['llama:other', 404, 'NOT_FOUND', 'ROUTE_NOT_FOUND'],
    ['llama', 404, 'NOT_FOUND', 'ROUTE_NOT_FOUND'],
  ])('%s is %i %s', async (target, code, status, reason) => {
    const { post } = await set(() => ({ body: '' }));
    const answer = await post(target, { instances: [] });
    expect(answer.status).toBe(code);
    expect(await answer.json()).toMatchObject({
      error: { code, status, details: [{ reason, domain: 'pilotlight' }] },
    });
  });

  it.each([
    ['cold', 429, 'RESOURCE_EXHAUSTED'],
    ['queue_full', 429, 'RESOURCE_EXHAUSTED'],
    ['start_failed', 503, 'UNAVAILABLE'],
    ['backend_unreachable', 503, 'UNAVAILABLE'],
    ['backend_reset', 500, 'INTERNAL'],
    ['backend_timeout', 504, 'DEADLINE_EXCEEDED'],
    ['invalid_api_key', 401, 'UNAUTHENTICATED'],
    ['body_too_large', 400, 'INVALID_ARGUMENT'],
  ] as const)('tells of %s as %i %s', async (code, httpStatus, status) => {
    const { post } = await set(() => {
      throw new PilotlightError(code, 'the reason');
    });
    const answer = await post('llama:predict', { instances: [] });
    expect(answer.status).toBe(httpStatus);
    expect(await answer.json()).toMatchObject({ error: { code: httpStatus, message: 'the reason', status } });
  });
});
