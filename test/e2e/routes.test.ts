import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerJson, type Backend } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { fixedModel, World } from '../support/world.ts';

const world = new World();
let backend: Backend;
let gateway: Gateway;
/** The same, with a rule that takes the paths which name no model. */
let ruled: Gateway;

beforeAll(async () => {
  backend = await world.backend(answerJson);
  const model = fixedModel([backend.url], 'aliases: [gpt-4o-mini]');
  gateway = await world.gateway(model);
  ruled = await world.gateway(`${model}    match: { paths: [/v1/files, /v1/batches, /v1/responses] }\n`);
});
afterAll(() => world.close());

const jsonRoutes = [
  'chat/completions',
  'completions',
  'responses',
  'embeddings',
  'rerank',
  'audio/speech',
  'images/generations',
  'moderations',
  'messages',
  'messages/count_tokens',
];
const formRoutes = ['audio/transcriptions', 'audio/translations', 'images/edits', 'images/variations'];
/** They name a thing that an earlier answer named, and no model. */
const otherRoutes = [
  'GET responses/resp_1',
  'DELETE responses/resp_1',
  'POST responses/resp_1/cancel',
  'GET responses/resp_1/input_items',
  'GET files',
  'POST files',
  'GET files/file_1/content',
  'POST batches',
  'GET batches/batch_1',
];

const upload = (model: string) => {
  const form = new FormData();
  form.append('model', model);
  form.append('file', new Blob(['RIFF']), 'a.wav');
  return form;
};

describe('the routes of clients', () => {
  it.each(jsonRoutes)(
    'POST /v1/%s goes to the model that its JSON names, and keeps its query',
    async (route) => {
      const body = JSON.stringify({ model: 'gpt-4o-mini', x: [1] });
      const response = await fetch(`${gateway.url}/v1/${route}?beta=true`, { method: 'POST', body });
      expect(response.status).toBe(200);
      const { method, url, body: received } = backend.seen.at(-1)!;
      expect([method, url]).toEqual(['POST', `/v1/${route}?beta=true`]);
      expect(JSON.parse(received)).toEqual({ model: 'm', x: [1] });
    },
  );

  it.each(formRoutes)('POST /v1/%s goes to the model that its form names', async (route) => {
    const body = upload('gpt-4o-mini');
    expect((await fetch(`${gateway.url}/v1/${route}`, { method: 'POST', body })).status).toBe(200);
    expect(backend.seen.at(-1)!.url).toBe(`/v1/${route}`);
    expect(backend.seen.at(-1)!.body).toMatch(/name="model"\r\n\r\nm\r\n[\s\S]*RIFF/);
  });

  it.each(otherRoutes)('%s names no model: only a match rule takes it', async (route) => {
    const [method = '', path = ''] = route.split(' ');
    const before = backend.seen.length;
    const response = await fetch(`${gateway.url}/v1/${path}`, { method });
    expect([response.status, await response.json()]).toMatchObject([
      404,
      { error: { code: 'route_not_found' } },
    ]);
    expect(backend.seen).toHaveLength(before);
    expect((await fetch(`${ruled.url}/v1/${path}`, { method })).status).toBe(200);
    expect(backend.seen.at(-1)).toMatchObject({ method, url: `/v1/${path}` });
  });

  it.each(['/sleep', '/wake_up', '/is_sleeping', '/collective_rpc', '/metrics', '/health', '/api/models'])(
    'a development route of a backend, or one of the admin port, is 404 on the request port: %s',
    async (path) => {
      const before = backend.seen.length;
      for (const method of ['GET', 'POST']) {
        const response = await fetch(gateway.url + path, { method });
        expect([response.status, await response.json()]).toMatchObject([
          404,
          { error: { code: 'route_not_found' } },
        ]);
      }
      expect(backend.seen).toHaveLength(before);
    },
  );
});
