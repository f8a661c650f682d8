import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { PilotlightError } from '../../../src/core/errors.ts';
import { azure } from '../../../src/protocols/azure/surface.ts';
import { type PlayedAnswer, PlayedDesk, type PlayedModel, pieces } from '../../support/played-desk.ts';
import { serveSurface } from '../../support/served-surface.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const two: readonly PlayedModel[] = [
  { name: 'Llama', aliases: ['blue'], contract: 'raw', path: '/score' },
  { name: 'whisper', contract: 'raw' },
];

async function set(
  backend: () => PlayedAnswer,
  { models = two, limits = 'own' }: { models?: readonly PlayedModel[]; limits?: 'own' | 'original' } = {},
) {
  const desk = new PlayedDesk(models, backend);
  const { url, close } = await serveSurface(azure, desk, { limits });
  closers.push(close);
  const post = (path: string, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: 'POST',
      body: '{"data":[1]}',
      headers: { 'content-type': 'application/json', ...headers },
    });
  return { desk, post, url };
}

const fine = () => ({ body: '[2]' });
const to = (deployment: string) => ({ 'azureml-model-deployment': deployment });

/** fetch does not let one choose the host. */
function scoreAtHost(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`${url}/score`, { method: 'POST', headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    });
    sent.on('error', reject).end('{}');
  });
}

describe('a deployment', () => {
  it('is the one of its field, or of the path, and is named in the answer', async () => {
    const { post, desk } = await set(fine);
    const answers = [
      await post('/score', to('blue')),
      await post('/whisper/score'),
      await post('/Llama/score', to('blue')),
    ];
    expect(answers.map(({ status, headers }) => [status, headers.get('azureml-model-deployment')])).toEqual([
      [200, 'Llama'],
      [200, 'whisper'],
      [200, 'Llama'],
    ]);
    expect(desk.asked.map(({ call }) => call.path)).toEqual(['/score', '/', '/score']);
  });

  it('is the one that the first label of the host names', async () => {
    const { url, desk } = await set(fine);
    expect(await scoreAtHost(url, 'llama.westeurope.inference.ml.azure.com')).toBe(200);
    expect(await scoreAtHost(url, 'other.westeurope.inference.ml.azure.com')).toBe(404);
    expect(desk.asked.map(({ ask }) => ask.model)).toEqual(['Llama']);
  });

  it('need not be named where there is one', async () => {
    const { post } = await set(fine, { models: [two[0]!] });
    expect((await post('/score')).status).toBe(200);
  });

  it.each([
    ['/score', {}, 'no deployment is named'],
    ['/score', to('green'), 'green'],
    ['/green/score', {}, 'green'],
    ['/whisper/score', to('blue'), 'has no deployment'],
  ])('is 404 at %s with %o', async (path, headers, message) => {
    const { post, desk } = await set(fine);
    const answer = await post(path, headers);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      error: { code: 'model_not_found', message: expect.stringContaining(message) },
    });
    expect(desk.asked).toEqual([]);
  });
});

describe('scoring', () => {
  it('passes the body on as it came, and the answer back', async () => {
    const { post, desk } = await set(() => ({
      body: pieces(['a', 'b']),
      contentType: 'text/plain',
      headers: { 'x-mine': '1' },
    }));
    const answer = await post('/whisper/score', {
      'content-type': 'audio/wav',
      'x-ms-client-request-id': 'c',
      accept: 'text/plain',
    });
    expect([answer.status, answer.headers.get('x-mine'), await answer.text()]).toEqual([200, '1', 'ab']);
    const { call } = desk.asked[0]!;
    expect(call).toMatchObject({
      contentType: 'audio/wav',
      headers: { accept: 'text/plain', 'x-ms-client-request-id': 'c' },
    });
    expect(call.body.toString()).toBe('{"data":[1]}');
  });

  it("is 424 with the model's status in the head for what is not 200", async () => {
    const { post } = await set(() => ({ status: 500, body: 'boom', contentType: 'text/plain' }));
    const answer = await post('/score', to('blue'));
    expect([answer.status, await answer.text()]).toEqual([424, 'boom']);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'ms-azureml-model-error-statuscode': '500',
      'ms-azureml-model-error-reason': 'model_error',
      'azureml-model-deployment': 'Llama',
    });
  });

  it.each([
    ['backend_timeout', 408, null],
    ['queue_timeout', 408, null],
    ['queue_full', 429, 'too_many_pending_request'],
    ['backend_reset', 424, 'model_error'],
    ['start_failed', 503, 'model_not_ready'],
    ['invalid_api_key', 401, null],
    ['body_too_large', 413, null],
  ] as const)('tells of %s as %i, reason %s', async (code, status, reason) => {
    const { post } = await set(() => {
      throw new PilotlightError(code, 'why');
    });
    const answer = await post('/score', to('blue'));
    expect([answer.status, answer.headers.get('ms-azureml-model-error-reason')]).toEqual([status, reason]);
    expect(await answer.json()).toEqual({ error: { code, message: 'why' } });
  });

  it("has Azure's longest time and its bound of what may be pending where they are asked for", async () => {
    const model = { name: 'a', contract: 'raw', maxConcurrency: 2, inFlight: 2 } as const;
    const { post, desk } = await set(fine, { models: [{ ...model, waiting: 1 }], limits: 'original' });
    expect((await post('/score')).status).toBe(200);
    expect(desk.asked[0]!.ask.runMs).toBe(180_000);
    const full = await set(fine, { models: [{ ...model, waiting: 2 }], limits: 'original' });
    expect((await full.post('/score')).status).toBe(429);
    const own = await set(fine, { models: [{ ...model, waiting: 2 }] });
    expect((await own.post('/score')).status).toBe(200);
    expect(own.desk.asked[0]!.ask.runMs).toBeUndefined();
  });
});
