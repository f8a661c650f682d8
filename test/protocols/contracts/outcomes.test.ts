import { describe, expect, it } from 'vitest';
import { type ContractName, contractNames } from '../../../src/core/contract.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import { contractOf } from '../../../src/protocols/contracts/contracts.ts';

function outcome(name: ContractName, body: unknown, status = 200, contentType = 'application/json') {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return contractOf(name).outcome({ status, contentType, body: Buffer.from(text as string) });
}

function events(...data: readonly unknown[]): string {
  return data.map((item) => `data: ${typeof item === 'string' ? item : JSON.stringify(item)}\n\n`).join('');
}

const chunk = (delta: object, finish_reason: string | null = null) => ({
  choices: [{ delta, finish_reason }],
});
const nothingElse = { error: null, logs: null, metrics: {} };

describe('an answer', () => {
  it.each(['sagemaker', 'raw', 'vertex', 'kserve', 'runpod', 'cog'] as const)(
    'of %s is its JSON, its text, or its bytes as a data URL',
    (name) => {
      expect(outcome(name, { a: [1] })).toEqual({ output: { a: [1] }, ...nothingElse });
      expect(outcome(name, 'a,b', 200, 'text/csv').output).toBe('a,b');
      expect(outcome(name, '{"x": NaN}').output).toBe('{"x": NaN}');
      expect(outcome(name, '{"x":1}', 200, '').output).toEqual({ x: 1 });
      expect(outcome(name, Buffer.from([1, 2]), 200, 'image/png; a=b').output).toBe(
        'data:image/png;base64,AQI=',
      );
      expect(outcome(name, Buffer.from([0xff]), 200, '').output).toBe(
        'data:application/octet-stream;base64,/w==',
      );
    },
  );

  it.each(contractNames)('of %s with the status of an error is one, in the words it was told in', (name) => {
    const words = (body: unknown, type?: string) => outcome(name, body, 500, type).error;
    expect(words({ error: { message: 'out of memory', type: 'x' } })).toBe(
      'the backend answered 500: out of memory',
    );
    expect(words({ error: 'no' })).toBe('the backend answered 500: no');
    expect(words({ detail: [{ loc: ['body'], msg: 'field required' }] })).toBe(
      'the backend answered 500: field required',
    );
    expect(words({ a: 1 })).toBe('the backend answered 500: {"a":1}');
    expect(words('Bad Gateway\n', 'text/plain')).toBe('the backend answered 500: Bad Gateway');
    expect(words('', 'text/plain')).toBe('the backend answered 500');
    expect(words('x'.repeat(5_000), 'text/plain')).toHaveLength('the backend answered 500: '.length + 1_000);
    expect(outcome(name, {}, 500).output).toBeNull();
  });

  it('of Vertex and KServe is the list of its predictions', () => {
    expect(outcome('vertex', { predictions: [1, 2] }).output).toEqual([1, 2]);
    expect(outcome('kserve', { predictions: [] }).output).toEqual([]);
    expect(outcome('kserve', { outputs: [{ name: 'y' }] }).output).toEqual({ outputs: [{ name: 'y' }] });
  });
});

describe("a prediction of Cog's", () => {
  it('is its output, with logs and metrics', () => {
    const prediction = {
      status: 'succeeded',
      output: ['a', 'b'],
      logs: 'x\n',
      metrics: { predict_time: 1.5, note: 'y' },
    };
    expect(outcome('cog', prediction)).toEqual({
      output: ['a', 'b'],
      error: null,
      logs: 'x\n',
      metrics: { predict_time: 1.5 },
    });
  });

  it('that failed or was canceled is its error', () => {
    expect(outcome('cog', { status: 'failed', error: 'boom', output: 'half', logs: '' })).toEqual({
      output: null,
      error: 'boom',
      logs: null,
      metrics: {},
    });
    expect(outcome('cog', { status: 'canceled', error: null }).error).toBe(
      'the prediction ended as canceled',
    );
  });

  it('is the last event of its stream, the logs being gathered', () => {
    const stream = events(
      { id: 'a', status: 'processing' },
      { chunk: 'On', index: 0 },
      { source: 'stdout', data: 'log line\n' },
      { id: 'a', status: 'succeeded', output: ['On'], metrics: { predict_time: 0.4 } },
    );
    expect(outcome('cog', stream, 200, 'text/event-stream')).toEqual({
      output: ['On'],
      error: null,
      logs: 'log line\n',
      metrics: { predict_time: 0.4 },
    });
  });

  it('whose stream was cut is an error', () => {
    const stream = events({ id: 'a', status: 'processing' }, { chunk: 'On', index: 0 });
    expect(outcome('cog', stream, 200, 'text/event-stream').error).toContain('ended before');
  });

  it('has a piece in each event of its output alone', () => {
    const { piece } = contractOf('cog');
    expect(piece('{"chunk":" bloom","index":1}')).toBe(' bloom');
    expect(piece('{"chunk":{"a":1},"index":1}')).toEqual({ a: 1 });
    for (const data of [
      '{"id":"a","status":"processing"}',
      '{"source":"stdout","data":"x"}',
      'x',
      '{"name":"n","value":1}',
    ]) {
      expect(piece(data)).toBeNull();
    }
  });
});

describe("a job of RunPod's", () => {
  it('is its output with its times, or its error', () => {
    expect(
      outcome('runpod', { id: 'a', status: 'COMPLETED', output: { x: 1 }, executionTime: 12, delayTime: 3 }),
    ).toEqual({
      output: { x: 1 },
      error: null,
      logs: null,
      metrics: { executionTime: 12, delayTime: 3 },
    });
    expect(outcome('runpod', { status: 'FAILED', error: 'boom' }).error).toBe('boom');
    expect(outcome('runpod', { status: 'TIMED_OUT' }).error).toBe('the job ended as TIMED_OUT');
  });
});

describe("an answer of OpenAI's", () => {
  it('is the whole of it, with its tokens', () => {
    const chat = {
      choices: [{ message: { role: 'assistant', content: 'hi' } }],
      usage: { prompt_tokens: 3, completion_tokens: 1 },
    };
    expect(outcome('openai', chat)).toEqual({
      output: chat,
      error: null,
      logs: null,
      metrics: { input_token_count: 3, output_token_count: 1 },
    });
  });

  it('that was streamed is the list of its chunks, with the tokens of the last', () => {
    const usage = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } };
    const chunks = [chunk({ content: 'a' }), chunk({}, 'stop'), usage];
    const stream = events(chunk({ role: 'assistant', content: '' }), ...chunks, '[DONE]');
    expect(outcome('openai', stream, 200, 'text/event-stream')).toEqual({
      output: chunks,
      error: null,
      logs: null,
      metrics: { input_token_count: 3, output_token_count: 2 },
    });
  });

  it('that was streamed and holds an error is that error', () => {
    const stream = events(chunk({ content: 'a' }), { error: { message: 'engine died' } }, '[DONE]');
    expect(outcome('openai', stream, 200, 'text/event-stream').error).toBe('engine died');
    const event = { type: 'error', code: 'x', message: 'no memory', sequence_number: 3 };
    expect(outcome('openai', events(event), 200, 'text/event-stream').error).toBe('no memory');
  });

  it('has no piece in what carries nothing: the role, the end, the frame of a response', () => {
    const { piece } = contractOf('openai');
    const data = [
      chunk({ role: 'assistant' }),
      chunk({ content: '' }),
      { type: 'response.created', response: {} },
    ];
    expect([...data.map((item) => piece(JSON.stringify(item))), piece('[DONE]'), piece('')]).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
    const call = chunk({ tool_calls: [{ index: 0 }] });
    expect(piece(JSON.stringify(call))).toEqual(call);
    expect(piece('{"choices":[{"text":"a"}]}')).toEqual({ choices: [{ text: 'a' }] });
    expect(piece('{"type":"response.output_text.delta","delta":"a"}')).toMatchObject({ delta: 'a' });
  });
});

describe('the text of an output', () => {
  const textOf = (output: unknown) => contractOf('openai').textOf(output as JsonValue);

  it('is found in all that backends of language models write', () => {
    const outputs = [
      'a',
      ['a', 'b'],
      chunk({ content: 'c' }),
      { choices: [{ text: 'd' }] },
      { choices: [{ message: { content: 'e' } }] },
      { type: 'response.output_text.delta', delta: 'f' },
      {
        object: 'response',
        output: [{ type: 'reasoning' }, { type: 'message', content: [{ type: 'output_text', text: 'g' }] }],
      },
      { token: { id: 1, text: 'h' }, generated_text: null },
      [{ generated_text: 'i' }],
      [chunk({ content: 'j' }), chunk({}, 'stop'), chunk({ content: 'k' })],
    ];
    expect(outputs.map(textOf)).toEqual(['a', 'ab', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'jk']);
  });

  it('is null where there is none', () => {
    const outputs = [
      null,
      1,
      [],
      { a: 1 },
      chunk({ tool_calls: [] }),
      { type: 'response.completed', response: {} },
    ];
    expect(outputs.map(textOf)).toEqual(outputs.map(() => null));
  });
});

describe('a piece of an unknown stream', () => {
  it('is the object it is in JSON, and else its text, which may look like a number', () => {
    const { piece } = contractOf('sagemaker');
    expect(['{"a":1}', ' 1', '[1]', '"x"', '{half', '', '[DONE]'].map(piece)).toEqual([
      { a: 1 },
      ' 1',
      '[1]',
      '"x"',
      '{half',
      null,
      null,
    ]);
  });
});
