import { describe, expect, it } from 'vitest';
import type { ProtocolRoute, RequestHead } from '../../src/core/protocol.ts';
import { anthropic } from '../../src/protocols/anthropic.ts';
import { openai } from '../../src/protocols/openai.ts';

function routeAt(path: string): ProtocolRoute {
  const found = openai.routes.find((route) => route.path === path);
  if (found === undefined) throw new Error(`no route ${path}`);
  return found;
}

function head(route: ProtocolRoute, fields: Partial<RequestHead> = {}): RequestHead {
  return { method: 'POST', path: route.path, query: '', contentType: 'application/json', ...fields };
}

async function formRequest(route: ProtocolRoute): Promise<[RequestHead, Buffer]> {
  const form = new FormData();
  form.set('file', new Blob(['RIFF']), 'a.wav');
  form.set('model', 'whisper');
  const response = new Response(form);
  const contentType = response.headers.get('content-type') ?? '';
  return [head(route, { contentType }), Buffer.from(await response.arrayBuffer())];
}

const allRoutes = [...openai.routes, ...anthropic.routes];
const jsonRoutes = allRoutes.filter((route) => route.modelIn === 'json');
const formRoutes = allRoutes.filter((route) => route.modelIn === 'form');

describe('the routes', () => {
  it('list each path once, in the dialect of its clients', () => {
    const dialectByPath = Object.fromEntries(allRoutes.map((route) => [route.path, route.dialect.name]));
    expect(dialectByPath).toEqual({
      '/v1/chat/completions': 'openai',
      '/v1/completions': 'openai',
      '/v1/responses': 'responses',
      '/v1/embeddings': 'openai',
      '/v1/rerank': 'openai',
      '/v1/moderations': 'openai',
      '/v1/images/generations': 'openai',
      '/v1/images/edits': 'openai',
      '/v1/images/variations': 'openai',
      '/v1/audio/speech': 'openai',
      '/v1/audio/transcriptions': 'openai',
      '/v1/audio/translations': 'openai',
      '/v1/realtime': 'openai',
      '/v1/messages': 'anthropic',
      '/v1/messages/count_tokens': 'anthropic',
    });
    expect(Object.keys(dialectByPath)).toHaveLength(allRoutes.length);
  });

  it('take POST only, but for the WebSocket', () => {
    for (const route of allRoutes) expect(route.methods).toEqual(route.isWebSocket ? ['GET'] : ['POST']);
  });

  it.each(jsonRoutes)('$path reads its model from JSON, whatever the content-type', (route) => {
    const parser = route.parser(head(route, { contentType: 'text/plain' }));
    parser?.push(Buffer.from('{"model":"llama","stream":true}'));
    expect(parser?.end()).toMatchObject({ model: 'llama', isStream: true, modelEncoding: 'json' });
  });

  it('give each request a parser of its own', () => {
    for (const route of jsonRoutes) expect(route.parser(head(route))).not.toBe(route.parser(head(route)));
  });

  it.each(formRoutes)('$path reads its model from a form', async (route) => {
    const [formHead, body] = await formRequest(route);
    expect(route.parser(formHead)?.push(body)).toMatchObject({ model: 'whisper', modelEncoding: 'form' });
  });

  it.each(formRoutes.filter((route) => route.path !== '/v1/images/edits'))('$path refuses JSON', (route) => {
    expect(() => route.parser(head(route))).toThrow(expect.objectContaining({ code: 'invalid_body' }));
  });

  it('read edits of images from JSON too', () => {
    const route = routeAt('/v1/images/edits');
    const parser = route.parser(head(route, { contentType: 'Application/JSON; charset=utf-8' }));
    parser?.push(Buffer.from('{"model":"flux","prompt":"a cat"}'));
    expect(parser?.end()).toMatchObject({ model: 'flux', modelEncoding: 'json' });
  });
});

describe('the realtime route', () => {
  const route = routeAt('/v1/realtime');
  const intentOf = (query: string) => route.intent?.(head(route, { method: 'GET', query }));

  it('is a WebSocket that names its model in the query', () => {
    expect(route).toMatchObject({ isWebSocket: true, modelIn: 'query' });
    expect(route.parser(head(route))).toBeNull();
    expect(intentOf('x=1&model=gpt%2Frealtime+1')).toEqual({
      model: 'gpt/realtime 1',
      isStream: false,
      modelSpan: null,
      modelEncoding: 'query',
      promptSpan: null,
    });
  });

  it('says model_required where the query names none or an empty one', () => {
    for (const query of ['', 'models=x', 'model=']) {
      expect(() => intentOf(query)).toThrow(
        expect.objectContaining({ code: 'model_required', param: 'model' }),
      );
    }
  });

  it('refuses a query that names two', () => {
    expect(() => intentOf('model=a&model=b')).toThrow(expect.objectContaining({ code: 'bad_request' }));
  });
});
