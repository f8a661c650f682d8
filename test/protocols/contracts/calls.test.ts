import { describe, expect, it } from 'vitest';
import type { ContractModel, ContractName, Invocation } from '../../../src/core/contract.ts';
import { contractNames } from '../../../src/core/contract.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import { contractOf } from '../../../src/protocols/contracts/contracts.ts';

const model: ContractModel = { name: 'llama', path: null, responses: 'backend' };

function invocation(content: Invocation['content'], fields: Partial<Invocation> = {}): Invocation {
  const common = { path: null, method: 'POST', contentType: 'application/json', headers: {} };
  return { ...common, content, isStream: false, id: 'job-1', ...fields };
}

/** What a backend of this contract is sent for an input. */
function sent(name: ContractName, input: JsonValue, fields: Partial<Invocation> = {}, to = model) {
  const call = contractOf(name).call(invocation({ input }, fields), to);
  return { ...call, body: JSON.parse(call.body.toString()) as unknown };
}

/** What a backend of this contract is sent for a body. */
function passed(name: ContractName, text: string, fields: Partial<Invocation> = {}, to = model) {
  const call = contractOf(name).call(invocation({ body: Buffer.from(text) }, fields), to);
  return { ...call, body: call.body.toString() };
}

describe('an input', () => {
  it('is the request itself of the backends of openai, on the route that its fields are of', () => {
    expect(sent('openai', { messages: [] })).toMatchObject({
      method: 'POST',
      path: '/v1/chat/completions',
      contentType: 'application/json',
      body: { messages: [], model: 'llama' },
      isStream: false,
    });
    expect(sent('openai', { prompt: 'a' }).path).toBe('/v1/completions');
    expect(sent('openai', { input: 'a' }).path).toBe('/v1/embeddings');
    expect(sent('openai', { input: 'a' }, {}, { ...model, name: 'llama', path: '/v1/rerank' }).path).toBe(
      '/v1/rerank',
    );
  });

  it('asks a backend of openai for a stream where one is wanted, and nowhere else', () => {
    expect(sent('openai', { prompt: 'a' }, { isStream: true }).body).toMatchObject({ stream: true });
    expect(sent('openai', { prompt: 'a', stream: true }).body).toMatchObject({ stream: false });
    expect(sent('openai', { prompt: 'a' }).body).not.toHaveProperty('stream');
  });

  it('is refused by openai where it is none of its requests', () => {
    expect(() => sent('openai', { instances: [] })).toThrow('needs messages (a chat), prompt');
    expect(() => sent('openai', 'hello')).toThrow('must be an object');
  });

  it('goes into the envelope of Cog and of RunPod with its id', () => {
    expect(sent('cog', { prompt: 'a' })).toMatchObject({
      path: '/predictions',
      body: { id: 'job-1', input: { prompt: 'a' } },
    });
    expect(sent('runpod', { prompt: 'a' }, { isStream: true })).toMatchObject({
      path: '/runsync',
      body: { id: 'job-1', input: { prompt: 'a' } },
      isStream: false,
    });
  });

  it('asks a backend of Cog for events where a stream is wanted', () => {
    expect(sent('cog', {}, { isStream: true, headers: { 'x-a': 'b' } }).headers).toEqual({
      accept: 'text/event-stream',
      'x-a': 'b',
    });
    expect(sent('cog', {}).headers).toEqual({});
  });

  it('is one of the instances of Vertex and KServe, or all of them', () => {
    expect(sent('vertex', { a: 1 })).toMatchObject({ path: '/predict', body: { instances: [{ a: 1 }] } });
    const all = { instances: [1, 2], parameters: { b: 3 } };
    expect(sent('vertex', all, {}, { ...model, name: 'x', path: '/v1/p' })).toMatchObject({
      path: '/v1/p',
      body: all,
    });
    expect(sent('kserve', all, {}, { ...model, name: 'a/b', path: null })).toMatchObject({
      path: '/v1/models/a%2Fb:predict',
      body: all,
    });
  });

  it('goes to the second protocol of KServe where it is a list of tensors', () => {
    const tensors = { inputs: [{ name: 'x', shape: [1], datatype: 'FP32', data: [0.5] }] };
    expect(sent('kserve', tensors)).toMatchObject({ path: '/v2/models/llama/infer', body: tensors });
    expect(sent('kserve', { inputs: [1] })).toMatchObject({ path: '/v1/models/llama:predict' });
  });

  it('is the body of a SageMaker container and of any other service', () => {
    expect(sent('sagemaker', [1])).toMatchObject({ method: 'POST', path: '/invocations', body: [1] });
    expect(sent('raw', [1], { method: 'PUT' })).toMatchObject({ method: 'PUT', path: '/', body: [1] });
  });
});

describe('a body', () => {
  it.each(contractNames.filter((name) => name !== 'openai'))('goes to %s as it is', (name) => {
    const call = passed(name, 'RIFF', { contentType: 'audio/wav', headers: { 'x-a': 'b' } });
    expect(call).toMatchObject({ contentType: 'audio/wav', body: 'RIFF', headers: { 'x-a': 'b' } });
  });

  it('names the model to a backend of openai as it knows it, every other byte being as it was', () => {
    const text = '{"messages": [],  "model":"alias", "seed": 12345678901234567890, "stream":true}';
    expect(passed('openai', text)).toMatchObject({
      path: '/v1/chat/completions',
      body: text.replace('alias', 'llama'),
      isStream: true,
    });
  });

  it('gets the name of the model where it has none', () => {
    const call = passed('openai', ' {"prompt":"a","seed":12345678901234567890}', { contentType: '' });
    expect(call.body).toBe(' {"model":"llama","prompt":"a","seed":12345678901234567890}');
    expect(call.contentType).toBe('application/json');
  });

  it('is refused by openai where it is not JSON, or names the model in another way', () => {
    expect(() => passed('openai', 'RIFF', { contentType: 'audio/wav' })).toThrow('not JSON');
    expect(() => passed('openai', '[1]')).toThrow('not a JSON object');
    expect(() => passed('openai', '{"prompt":"a","model":1}')).toThrow('not a string');
  });

  it('may be a form where the configuration names its route', () => {
    const contentType = 'multipart/form-data; boundary=x';
    const form = '--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nalias\r\n--x--\r\n';
    const whisper = { ...model, name: 'whisper', path: '/v1/audio/transcriptions' };
    expect(passed('openai', form, { contentType }, whisper)).toMatchObject({
      path: '/v1/audio/transcriptions',
      contentType,
      body: form.replace('alias', 'whisper'),
    });
    expect(() => passed('openai', form, { contentType })).toThrow('contract.path');
  });
});

describe('a request that was written for a route of the backend', () => {
  it.each(contractNames)('goes there with the contract %s too', (name) => {
    expect(passed(name, 'x', { path: '/own?a=b', method: 'PUT', contentType: 'text/plain' })).toMatchObject({
      method: 'PUT',
      path: '/own?a=b',
      contentType: 'text/plain',
      body: 'x',
    });
  });

  it('has the name of the model in it that its backend knows, on the routes of OpenAI and Anthropic', () => {
    const path = '/v1/messages';
    expect(passed('openai', '{"model":"alias","stream":true}', { path })).toMatchObject({
      path,
      body: '{"model":"llama","stream":true}',
      isStream: true,
    });
    expect(sent('raw', { model: 'alias', input: 'a' }, { path: '/v1/embeddings' }).body).toEqual({
      model: 'llama',
      input: 'a',
    });
  });

  it('is refused where such a route cannot read it', () => {
    expect(() => passed('openai', '{"model":"alias"', { path: '/v1/embeddings' })).toThrow('cut short');
  });
});

it('is of the contract that it is asked for by name', () => {
  expect(contractNames.map((name) => contractOf(name).name)).toEqual(contractNames);
});
