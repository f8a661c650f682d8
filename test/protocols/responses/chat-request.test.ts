import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { chatRequest } from '../../../src/protocols/responses/chat-request.ts';

describe('a Responses request as a chat completion', () => {
  it("has instructions as the system message and text as the user's", () => {
    expect(chatRequest({ model: 'm', instructions: 'Be brief.', input: 'Hello' })).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
      ],
    });
  });

  it('joins instructions and the system messages behind them, as templates take one', () => {
    const input = [
      { role: 'developer', content: 'In French.' },
      { role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { role: 'system', content: 'Now in German.' },
    ];
    expect(chatRequest({ instructions: 'Be brief.', input }).messages).toEqual([
      { role: 'system', content: 'Be brief.\n\nIn French.' },
      { role: 'user', content: 'Hi' },
      { role: 'system', content: 'Now in German.' },
    ]);
  });

  it('has images, files and sound as the parts of a chat', () => {
    const content = [
      { type: 'input_text', text: 'What is this?' },
      { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'low' },
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
      { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
    ];
    expect(chatRequest({ input: [{ role: 'user', content }] }).messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' } },
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
        ],
      },
    ]);
  });

  it('has a conversation with calls of functions, those made at once in one message', () => {
    const input = [
      { role: 'user', content: 'Weather in Paris and Rome?' },
      { type: 'reasoning', id: 'rs_1', summary: [] },
      {
        type: 'message',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'I look.', annotations: [] }],
      },
      { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{"city":"Paris"}' },
      { type: 'function_call', call_id: 'c2', name: 'weather', arguments: '{"city":"Rome"}' },
      { type: 'function_call_output', call_id: 'c1', output: 'rain' },
      { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'sun' }] },
    ];
    expect(chatRequest({ input }).messages).toEqual([
      { role: 'user', content: 'Weather in Paris and Rome?' },
      {
        role: 'assistant',
        content: 'I look.',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
          { id: 'c2', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'rain' },
      { role: 'tool', tool_call_id: 'c2', content: 'sun' },
    ]);
  });

  it('maps the fields that have another form, and sends on what belongs to neither API', () => {
    const parameters = { type: 'object', properties: {} };
    const mapped = chatRequest({
      model: 'm',
      input: 'x',
      stream: true,
      store: true,
      background: true,
      metadata: { a: 'b' },
      include: ['message.output_text.logprobs'],
      top_logprobs: 3,
      max_output_tokens: 50,
      temperature: 0.5,
      top_k: 40,
      reasoning: { effort: 'low', summary: 'auto' },
      text: { format: { type: 'json_schema', name: 'n', schema: {}, strict: true }, verbosity: 'low' },
      tools: [{ type: 'function', name: 'f', description: 'd', parameters, strict: false }],
      tool_choice: { type: 'function', name: 'f' },
    });
    expect(mapped).toEqual({
      model: 'm',
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'x' }],
      max_tokens: 50,
      temperature: 0.5,
      top_k: 40,
      reasoning_effort: 'low',
      verbosity: 'low',
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {}, strict: true } },
      tools: [{ type: 'function', function: { name: 'f', description: 'd', parameters, strict: false } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
      logprobs: true,
      top_logprobs: 3,
    });
  });

  it.each([
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ prompt: { id: 'pmpt_1' } }, 'prompt'],
    [{ truncation: 'auto' }, 'truncation'],
    [{ tools: [{ type: 'web_search' }] }, 'tools[0]'],
    [{ tools: [{ type: 'function', name: 'f' }], tool_choice: { type: 'mcp' } }, 'tool_choice'],
    [{ text: { format: { type: 'grammar' } } }, 'text.format'],
    [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'input[0]'],
    [
      { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'file-1' }] }] },
      'input[0].content[0]',
    ],
    [
      { input: [{ role: 'user', content: [{ type: 'input_file', file_url: 'http://x' }] }] },
      'input[0].content[0]',
    ],
  ] as [JsonObject, string][])('refuses what a chat has no counterpart for: %j', (request, param) => {
    expect(() => chatRequest({ input: 'x', ...request })).toThrow(
      expect.objectContaining({ code: 'not_emulated', param }),
    );
  });

  it.each([
    [{ input: 7 }, 'input'],
    [{ input: ['x'] }, 'input[0]'],
    [{ input: [{ role: 'king', content: 'x' }] }, 'input[0].role'],
    [{ input: [{ type: 'function_call', name: 'f', arguments: '{}' }] }, 'input[0].call_id'],
    [{ max_output_tokens: 'many' }, 'max_output_tokens'],
    [{ tools: {} }, 'tools'],
  ] as [JsonObject, string][])('refuses what is no request: %j', (request, param) => {
    expect(() => chatRequest({ input: 'x', ...request })).toThrow(
      expect.objectContaining({ code: 'bad_request', param }),
    );
  });
});
