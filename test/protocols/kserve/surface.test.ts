import { afterEach, describe, expect, it } from 'vitest';
import { PilotlightError } from '../../../src/core/errors.ts';
import { kserve } from '../../../src/protocols/kserve/surface.ts';
import { type PlayedAnswer, PlayedDesk, type PlayedModel, pieces } from '../../support/played-desk.ts';
import { serveSurface } from '../../support/served-surface.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function set(backend: () => PlayedAnswer = () => ({ body: '{}' }), model: Partial<PlayedModel> = {}) {
  const desk = new PlayedDesk(
    [{ name: 'iris', aliases: ['org/iris'], contract: 'kserve', ...model }],
    backend,
  );
  const { url, close } = await serveSurface(kserve, desk);
  closers.push(close);
  const get = (path: string) => fetch(url + path);
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { desk, get, post };
}

const json = async (answer: Response) => [answer.status, (await answer.json()) as unknown];

describe('the first protocol', () => {
  it('passes :predict on as it came to a server that speaks it', async () => {
    const { post, desk } = await set(() => ({ body: '{"predictions": [1]}', headers: { 'ce-id': '2' } }));
    const answer = await post('/v1/models/org%2Firis:predict', '{"instances": [[1.0]]}', {
      'ce-id': '1',
      'x-other': 'stays',
    });
    expect([answer.headers.get('ce-id'), await answer.text()]).toEqual(['2', '{"predictions": [1]}']);
    const { call } = desk.asked[0]!;
    expect(call).toMatchObject({
      method: 'POST',
      path: '/v1/models/iris:predict',
      headers: { accept: '*/*', 'ce-id': '1' },
    });
    expect(call.headers).not.toHaveProperty('x-other');
    expect(call.body.toString()).toBe('{"instances": [[1.0]]}');
  });

  it('asks other models by their contract, one instance where they take one', async () => {
    const { post, desk } = await set(() => ({ body: '{"choices":[]}' }), { contract: 'openai' });
    const asked = { instances: [{ prompt: 'a' }] };
    expect(await json(await post('/v1/models/iris:predict', asked))).toEqual([
      200,
      { predictions: [{ choices: [] }] },
    ]);
    expect(desk.asked[0]!.call.path).toBe('/v1/completions');
    const [status, said] = await json(await post('/v1/models/iris:predict', { instances: [1, 2] }));
    expect([status, said]).toEqual([
      400,
      { error: expect.stringContaining('one instance at a time') as string },
    ]);
  });

  it("tells a model's error under its status", async () => {
    const { post } = await set(() => ({ status: 422, body: '{"detail":"no"}' }), { contract: 'vertex' });
    expect(await json(await post('/v1/models/iris:predict', { instances: [] }))).toEqual([
      422,
      { error: 'the backend answered 422: no' },
    ]);
  });

  it('passes :explain on, and refuses it of a model that has no explainer', async () => {
    const { post, desk } = await set();
    expect((await post('/v1/models/iris:explain', { instances: [] })).status).toBe(200);
    expect(desk.asked[0]!.call.path).toBe('/v1/models/iris:explain');
    const other = await set(undefined, { contract: 'openai' });
    expect((await other.post('/v1/models/iris:explain', { instances: [] })).status).toBe(501);
  });

  it('lists the models and says whether one can be asked', async () => {
    const { get } = await set(undefined, { state: 'cold' });
    expect(await json(await get('/v1/models'))).toEqual([200, { models: ['iris'] }]);
    expect(await json(await get('/v1/models/iris'))).toEqual([200, { name: 'iris', ready: true }]);
    const failed = await set(undefined, { state: 'failed' });
    expect(await json(await failed.get('/v1/models/iris'))).toEqual([503, { name: 'iris', ready: false }]);
  });

  it("leaves OpenAI's own paths alone beside it", () => {
    const routes = kserve.routes({ limits: 'own', isBesideOpenai: true });
    const paths = routes
      .map(({ methods, path }) => `${methods.join()} ${path}`)
      .filter((path) => path.includes(' /v1/'));
    expect(paths).toEqual(['POST /v1/models/:model::predict', 'POST /v1/models/:model::explain']);
  });
});

describe('the second protocol', () => {
  it('is live and ready as a server, and tells its models', async () => {
    const { get } = await set(undefined, { state: 'cold' });
    expect(await json(await get('/v2/health/live'))).toEqual([200, { live: true }]);
    expect(await json(await get('/v2/health/ready'))).toEqual([200, { ready: true }]);
    expect(await json(await get('/v2'))).toEqual([200, { name: 'pilotlight', version: '', extensions: [] }]);
    expect(await json(await get('/v2/models'))).toEqual([200, { models: ['iris'] }]);
    for (const path of ['/v2/models/iris/ready', '/v2/models/iris/versions/3/ready'])
      expect(await json(await get(path))).toEqual([200, { name: 'iris', ready: true }]);
    const paused = await set(undefined, { state: 'paused' });
    expect(await json(await paused.get('/v2/models/iris/ready'))).toEqual([
      503,
      { name: 'iris', ready: false },
    ]);
  });

  it('passes inference on, tensors in binary too, whichever version is named', async () => {
    const length = 'inference-header-content-length';
    const { post, desk } = await set(() => ({
      body: '{}abc',
      contentType: 'application/octet-stream',
      headers: { [length]: '2' },
    }));
    const headers = { [length]: '2', 'content-type': 'application/octet-stream' };
    const answer = await post('/v2/models/org%2Firis/infer', '{}abc', headers);
    expect([answer.headers.get(length), answer.headers.get('content-type'), await answer.text()]).toEqual([
      '2',
      'application/octet-stream',
      '{}abc',
    ]);
    await post('/v2/models/iris/versions/v%201/infer', '{}');
    expect(desk.asked.map(({ call }) => call.path)).toEqual([
      '/v2/models/iris/infer',
      '/v2/models/iris/versions/v%201/infer',
    ]);
    expect(desk.asked[0]!.call).toMatchObject({
      contentType: 'application/octet-stream',
      headers: { [length]: '2' },
    });
  });

  it('passes the text of language models on, as a stream where it is one', async () => {
    const { post, desk } = await set(() => ({
      body: pieces(['data: {}\n\n']),
      contentType: 'text/event-stream',
    }));
    expect(await (await post('/v2/models/iris/generate_stream', { text_input: 'a' })).text()).toBe(
      'data: {}\n\n',
    );
    await post('/v2/models/iris/generate', { text_input: 'a' });
    expect(desk.asked.map(({ call }) => [call.path, call.isStream])).toEqual([
      ['/v2/models/iris/generate_stream', true],
      ['/v2/models/iris/generate', false],
    ]);
  });

  it("gives the model's own metadata", async () => {
    const { get, desk } = await set(() => ({ body: '{"name":"iris","inputs":[]}' }));
    expect(await json(await get('/v2/models/iris'))).toEqual([200, { name: 'iris', inputs: [] }]);
    expect(desk.asked[0]!.call).toMatchObject({ method: 'GET', path: '/v2/models/iris' });
  });

  it('is refused of a model whose backend does not speak it', async () => {
    const { post, get } = await set(undefined, { contract: 'openai' });
    for (const answer of [await post('/v2/models/iris/infer', {}), await get('/v2/models/iris')])
      expect(await json(answer)).toEqual([
        501,
        { error: expect.stringContaining('its contract is openai') as string },
      ]);
  });

  it.each([
    ['model_not_found', 404],
    ['queue_full', 429],
    ['start_failed', 503],
    ['backend_timeout', 504],
  ] as const)('tells of %s as %i', async (code, status) => {
    const { post } = await set(() => {
      throw new PilotlightError(code, 'why');
    });
    expect(await json(await post('/v2/models/iris/infer', {}))).toEqual([status, { error: 'why' }]);
  });
});
