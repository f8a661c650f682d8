import { describe, expect, it } from 'vitest';
import { usageOfEvents, usageOfJson } from '../../src/protocols/usage.ts';

const told = (promptTokens: number, completionTokens: number, cachedTokens = 0) => ({
  promptTokens,
  completionTokens,
  cachedTokens,
});
const chatUsage = {
  prompt_tokens: 19,
  completion_tokens: 10,
  total_tokens: 29,
  prompt_tokens_details: { cached_tokens: 16, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
};
const message = { role: 'assistant', content: 'Hello' };
const chat = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  choices: [{ index: 0, message }],
  usage: chatUsage,
};
const events = (...data: (object | string)[]) =>
  data.map((each) => `data: ${typeof each === 'string' ? each : JSON.stringify(each)}\n\n`).join('');
const delta = (content: string) => ({ choices: [{ index: 0, delta: { content } }], usage: null });

/** Cut into chunks of `size` with their framing, as a backend sends them. */
function framed(text: string, size: number): string {
  let out = '';
  for (let at = 0; at < text.length; at += size) {
    const piece = text.slice(at, at + size);
    out += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  return out;
}

describe('the usage of a JSON answer', () => {
  it.each([
    ['a chat', chat, told(19, 10, 16)],
    [
      'members after it',
      { ...chat, service_tier: 'default', timings: { usage: { prompt_tokens: 1 } } },
      told(19, 10, 16),
    ],
    ['embeddings', { object: 'list', data: [], usage: { prompt_tokens: 8, total_tokens: 8 } }, told(8, 0)],
    [
      'the Responses API',
      {
        id: 'resp_1',
        output: [{ content: [{ text: 'Hi' }] }],
        usage: {
          input_tokens: 36,
          input_tokens_details: { cached_tokens: 12 },
          output_tokens: 87,
          total_tokens: 123,
        },
        user: null,
        metadata: {},
      },
      told(36, 87, 12),
    ],
    [
      'an Anthropic message, whose cache is not part of input_tokens',
      {
        type: 'message',
        content: [],
        usage: {
          input_tokens: 10,
          cache_creation_input_tokens: 5,
          cache_read_input_tokens: 100,
          output_tokens: 7,
        },
      },
      told(115, 7, 100),
    ],
    [
      'a transcription',
      { text: 'hi', usage: { type: 'tokens', input_tokens: 14, output_tokens: 45 } },
      told(14, 45),
    ],
  ])('is read of %s', (_name, body, usage) => {
    expect(usageOfJson(JSON.stringify(body))).toEqual(usage);
    expect(usageOfJson(`${JSON.stringify(body, null, 2)}\n`)).toEqual(usage);
  });

  it('is read from the end alone, wherever the beginning is cut off', () => {
    const text = JSON.stringify({ choices: [{ text: 'a "quoted" \\ \n "usage": {"x' }], usage: chatUsage });
    const last = text.lastIndexOf(',"usage"');
    for (let from = 0; from <= last; from++) expect(usageOfJson(text.slice(from))).toEqual(told(19, 10, 16));
    for (let from = last + 2; from <= text.length; from++) expect(usageOfJson(text.slice(from))).toBeNull();
  });

  it.each([
    ['a text that speaks of it', { choices: [{ message: { content: '"usage":{"prompt_tokens":5}' } }] }],
    ['a text that ends the answer', { usage: null, text: '","usage":{"prompt_tokens":5}}' }],
    ['a string', { usage: '{"prompt_tokens":5}' }],
    ['a member of another object', { meta: { usage: { prompt_tokens: 5 } } }],
    ['an element', [{ usage: { prompt_tokens: 5 } }]],
    ['a billed duration', { text: 'hi', usage: { type: 'duration', seconds: 3 } }],
    [
      'what is no number of tokens',
      { usage: { prompt_tokens: '5', completion_tokens: -1, input_tokens: 1.5 } },
    ],
    ['nothing', { usage: null }],
  ])('is not read of %s', (_name, body) => {
    expect(usageOfJson(JSON.stringify(body))).toBeNull();
  });

  it.each([
    '',
    ' ',
    '}',
    '{',
    '"usage"}',
    '{"usage":}',
    'no JSON "usage": {"prompt_tokens":5}',
    '{"usage":{"a":1}} tail',
  ])('is not read of %j', (text) => {
    expect(usageOfJson(text)).toBeNull();
  });

  it('is the last one where the member comes twice, whatever its key looks like', () => {
    expect(usageOfJson('{"usage":{"prompt_tokens":1},"usage":{"prompt_tokens":2}}')).toEqual(told(2, 0));
    expect(usageOfJson('{"usage":{"prompt_tokens":1},"\\u0075sage":{"prompt_tokens":2}}')).toEqual(
      told(2, 0),
    );
    expect(usageOfJson('{"usage":{"prompt_tokens":1},"\\\\usage":{"prompt_tokens":2}}')).toEqual(told(1, 0));
  });

  it('is read through chunk framing, wherever the chunks end', () => {
    const text = JSON.stringify(chat);
    for (let size = 1; size <= text.length; size++)
      expect(usageOfJson(framed(text, size))).toEqual(told(19, 10, 16));
    expect(usageOfJson(`${framed(text, 40)}0\r\n\r\n`)).toEqual(told(19, 10, 16));
  });
});

describe('the usage of an event stream', () => {
  const stream = events(delta('Hel'), delta('lo'), { choices: [], usage: chatUsage }, '[DONE]');

  it('is read of the last chunk of a chat', () => {
    expect(usageOfEvents(stream)).toEqual(told(19, 10, 16));
    expect(usageOfEvents(stream.replaceAll('\n', '\r\n'))).toEqual(told(19, 10, 16));
    expect(usageOfEvents(`: keepalive\n\n${stream}`)).toEqual(told(19, 10, 16));
  });

  it('is the last that is told where each chunk tells how far it is', () => {
    const usage = (completion: number) => ({ usage: { prompt_tokens: 4, completion_tokens: completion } });
    expect(usageOfEvents(events(usage(1), usage(2), usage(3), '[DONE]'))).toEqual(told(4, 3));
  });

  it('is read through chunk framing, wherever the chunks end', () => {
    for (let size = 1; size <= stream.length; size++) {
      expect(usageOfEvents(framed(stream, size))).toEqual(told(19, 10, 16));
    }
  });

  it('is read from the end alone, as long as the whole event is there', () => {
    const at = stream.indexOf('data: {"choices":[],');
    for (let from = 0; from <= at; from++)
      expect(usageOfEvents(stream.slice(from))).toEqual(told(19, 10, 16));
    for (let from = at + 1; from < stream.length; from++)
      expect(usageOfEvents(stream.slice(from))).toBeNull();
  });

  it('is read of response.completed', () => {
    const response = {
      id: 'resp_1',
      status: 'completed',
      usage: { input_tokens: 3, output_tokens: 4 },
      user: null,
    };
    const done = events({ type: 'response.completed', sequence_number: 9, response });
    expect(usageOfEvents(`event: response.completed\n${done}`)).toEqual(told(3, 4));
  });

  it('is put together of the beginning and the end of an Anthropic message', () => {
    const begun = { input_tokens: 25, cache_read_input_tokens: 75, output_tokens: 1 };
    const first = `event: message_start\n${events({ type: 'message_start', message: { id: 'm', usage: begun } })}`;
    const last = events(
      { type: 'message_delta', delta: {}, usage: { output_tokens: 15 } },
      { type: 'message_stop' },
    );
    const between = events(
      ...Array.from({ length: 20 }, (_, n) => ({ type: 'content_block_delta', index: n })),
    );
    expect(usageOfEvents(first + last)).toEqual(told(100, 15, 75));
    expect(usageOfEvents(between + last, first + between)).toEqual(told(100, 15, 75));
    expect(usageOfEvents(between + last)).toEqual(told(0, 15));
  });

  it.each([
    ['a text that speaks of it', events(delta('","usage":{"prompt_tokens":5}}'), '[DONE]')],
    ['a comment', ': {"usage":{"prompt_tokens":5}}\n\n'],
    ['another field', 'event: {"usage":{"prompt_tokens":5}}\n\n'],
    ['an element', events({ choices: [{ usage: { prompt_tokens: 5 } }] })],
    ['an object of another name', events({ metrics: { usage: { prompt_tokens: 5 } }, response: null })],
    ['a text behind which the event is cut', 'data: {"text":"data: {\\"usage\\":{\\"prompt_tokens\\":5}}'],
    ['nothing', ''],
  ])('is not read of %s', (_name, text) => {
    expect(usageOfEvents(text)).toBeNull();
    expect(usageOfEvents('', text)).toBeNull();
  });
});
