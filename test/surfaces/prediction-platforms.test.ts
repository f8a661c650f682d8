import { afterEach, describe, expect, it } from 'vitest';
import type { Answer } from '../support/backend.ts';
import { World } from '../support/world.ts';
import { startWith } from './demo-models.ts';

const world = new World();
afterEach(() => world.close());

/** Doubles numbers, by Vertex AI's contract, KServe's protocols or Azure ML's scoring route. */
const doubling: Answer = (res, req, body) => {
  const json = (status: number, value: unknown) =>
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  if (req.method === 'GET') return void json(200, { name: 'known-as', platform: 'played' });
  const { instances, inputs, data } = JSON.parse(body) as Record<string, number[] | undefined>;
  const values = instances ?? data;
  if (values?.includes(0)) return void json(400, { error: 'no zeros' });
  if (req.url === '/v2/models/known-as/infer')
    return void json(200, { model_name: 'known-as', outputs: inputs });
  if (req.url === '/score')
    return void json(
      200,
      values!.map((value) => value * 2),
    );
  json(200, { predictions: values!.map((value) => value * 2) });
};

async function platform(surfaces: string) {
  const { url } = await world.backend(doubling);
  const backend = `backend: { driver: static, urls: ["${url}"] }`;
  const gateway = await startWith(
    world,
    surfaces,
    `
  double:
    contract: vertex
    ${backend}
  tensors:
    contract: kserve
    sendModel: known-as
    ${backend}
  scored:
    contract: { name: raw, path: /score }
    ${backend}
`,
  );
  return (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(gateway.url + path, {
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
}

const json = async (answer: Response) => [answer.status, (await answer.json()) as unknown];
const chat = { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 4 };

describe("Vertex AI's API", () => {
  const at = (target: string) => `/vertex/v1/projects/p/locations/l/endpoints/${target}`;
  const surfaces = '{ vertex: { prefix: /vertex } }';

  it('predicts by a container and by a cold language model', async () => {
    const ask = await platform(surfaces);
    expect(await json(await ask(at('double:predict'), { instances: [1, 2] }))).toMatchObject([
      200,
      { predictions: [2, 4], deployedModelId: 'double' },
    ]);
    expect(await json(await ask(at('acme%2Fchat:predict'), { instances: [chat] }))).toMatchObject([
      200,
      { predictions: [{ choices: [{ message: { role: 'assistant' } }] }] },
    ]);
    expect(await json(await ask(at('double:predict'), { instances: [0] }))).toMatchObject([
      400,
      { error: { status: 'INVALID_ARGUMENT', message: 'the backend answered 400: no zeros' } },
    ]);
  });

  it('passes raw requests and streams', async () => {
    const ask = await platform(surfaces);
    const raw = await ask(at('double:rawPredict'), { instances: [3] });
    expect([raw.headers.get('x-vertex-ai-deployed-model-id'), ...(await json(raw))]).toEqual([
      'double',
      200,
      { predictions: [6] },
    ]);
    const stream = await ask(at('chat:streamRawPredict'), { ...chat, stream: true });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    expect(await stream.text()).toMatch(/data: \[DONE\]\n\n$/);
    const inputs = [{ structVal: { prompt: { stringVal: ['Hello'] }, max_tokens: { intVal: [4] } } }];
    const [status, outputs] = await json(await ask(at('chat:serverStreamingPredict'), { inputs }));
    const texts = (outputs as { outputs: [{ structVal: { content: { stringVal: [string] } } }] }[]).map(
      ({ outputs: [tensor] }) => tensor.structVal.content.stringVal[0],
    );
    expect([status, texts.join('').trim().split(' ').length]).toEqual([200, 4]);
  });
});

describe("KServe's API", () => {
  it('predicts and infers beside OpenAI, whose pages of models stay', async () => {
    const ask = await platform('{ kserve: {} }');
    expect(await json(await ask('/v1/models/tensors:predict', { instances: [1] }))).toEqual([
      200,
      { predictions: [2] },
    ]);
    expect(await json(await ask('/v1/models/double:predict', { instances: [2] }))).toEqual([
      200,
      { predictions: [4] },
    ]);
    const inputs = [{ name: 'x', shape: [1], datatype: 'FP32', data: [0.5] }];
    expect(await json(await ask('/v2/models/tensors/infer', { inputs }))).toMatchObject([
      200,
      { outputs: inputs },
    ]);
    expect(await json(await ask('/v2/models/tensors'))).toMatchObject([200, { platform: 'played' }]);
    expect(await json(await ask('/v2/models/chat/ready'))).toEqual([200, { name: 'chat', ready: true }]);
    expect(await json(await ask('/v1/models/chat'))).toMatchObject([200, { id: 'chat', object: 'model' }]);
    expect(await json(await ask('/v1/models'))).toMatchObject([200, { object: 'list' }]);
  });

  it('has all of its paths below a prefix', async () => {
    const ask = await platform('{ kserve: { prefix: /kserve } }');
    expect(await json(await ask('/kserve/v1/models/chat'))).toEqual([200, { name: 'chat', ready: true }]);
    expect(await json(await ask('/kserve/v1/models/none:predict', { instances: [] }))).toEqual([
      404,
      { error: expect.stringContaining('none') },
    ]);
  });
});

describe("Azure ML's API", () => {
  it('scores by the deployment, the path or the contract, and tells of the model’s error', async () => {
    const ask = await platform('{ azure: {} }');
    const answer = await ask('/score', { data: [1, 2] }, { 'azureml-model-deployment': 'scored' });
    expect([answer.headers.get('azureml-model-deployment'), ...(await json(answer))]).toEqual([
      'scored',
      200,
      [2, 4],
    ]);
    expect(await json(await ask('/chat/score', chat))).toMatchObject([200, { choices: [{}] }]);
    const failed = await ask('/scored/score', { data: [0] });
    expect([failed.headers.get('ms-azureml-model-error-statuscode'), ...(await json(failed))]).toEqual([
      '400',
      424,
      { error: 'no zeros' },
    ]);
    expect((await ask('/score', {})).status).toBe(404);
  });
});
