import { describe, expect, it } from 'vitest';
import type { Intent, IntentParser } from '../../src/core/protocol.ts';
import { FormScanner } from '../../src/protocols/form-scan.ts';
import { JsonScanner } from '../../src/protocols/json-scan.ts';
import { intentOf } from '../../src/protocols/model-name.ts';
import { encodeModel, renamed } from '../../src/protocols/rewrite.ts';

const names = ['llama', 'a "quoted"\\name', 'é/😀'];

function read(parser: IntentParser, body: Buffer): Intent {
  const found = parser.push(body);
  return found === 'more' ? parser.end() : found;
}

function rewrite(body: Buffer, { modelSpan, modelEncoding }: Intent, name: string): Buffer {
  const { start, end } = modelSpan!;
  return Buffer.concat([body.subarray(0, start), encodeModel(name, modelEncoding), body.subarray(end)]);
}

it.each(names)('puts %s into a JSON body in place of the alias', (name) => {
  const body = Buffer.from('{"x":"é","model" : "ali\\u0061s","stream":true}');
  const rewritten = rewrite(body, read(new JsonScanner(), body), name);
  expect(JSON.parse(rewritten.toString())).toEqual({ x: 'é', model: name, stream: true });
});

it.each(names)('puts %s into a form in place of the alias', async (name) => {
  const form = new FormData();
  form.set('file', new Blob(['RIFF']), 'a.wav');
  form.set('model', 'alias');
  const sent = new Response(form);
  const contentType = sent.headers.get('content-type') ?? '';
  const body = Buffer.from(await sent.arrayBuffer());
  const rewritten = rewrite(body, read(new FormScanner(contentType), body), name);
  const received = await new Response(new Uint8Array(rewritten), {
    headers: { 'content-type': contentType },
  }).formData();
  expect(received.get('model')).toBe(name);
  expect(await (received.get('file') as File).text()).toBe('RIFF');
});

describe('a model named in the query', () => {
  const intent = { ...intentOf('alias one'), modelEncoding: 'query' as const };

  it('is renamed there, and every other byte stays', () => {
    const path = '/v1/realtime?a=%2F&model=alias+one&b=x%20y&models=alias+one';
    expect(renamed(intent, path, 'my/model')).toEqual({
      path: '/v1/realtime?a=%2F&model=my%2Fmodel&b=x%20y&models=alias+one',
      patch: null,
    });
  });

  it('stays as it was written when that is its name', () => {
    expect(renamed(intent, '/v1/realtime?model=alias+one', 'alias one').path).toBe(
      '/v1/realtime?model=alias+one',
    );
  });
});
