import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { responseOfChat } from '../../../src/protocols/responses/chat-answer.ts';

const request = { model: 'alias', input: 'Hello', metadata: { a: 'b' }, temperature: 0.2 };

function completion(message: JsonObject, finishReason = 'stop'): JsonObject {
  return {
    id: 'chatcmpl-1',
    created: 1_700_000_000,
    model: 'real',
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finishReason }],
    usage: {
      prompt_tokens: 3,
      completion_tokens: 5,
      total_tokens: 8,
      completion_tokens_details: { reasoning_tokens: 2 },
    },
  };
}

describe('a chat completion as a response', () => {
  it('has the message, the usage, and what was asked for', () => {
    expect(responseOfChat(request, completion({ content: 'Hi.' }), 'resp_1')).toMatchObject({
      id: 'resp_1',
      object: 'response',
      created_at: 1_700_000_000,
      status: 'completed',
      model: 'alias',
      metadata: { a: 'b' },
      temperature: 0.2,
      error: null,
      output: [
        {
          id: 'msg_1_0',
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Hi.', annotations: [], logprobs: [] }],
        },
      ],
      usage: {
        input_tokens: 3,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 5,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 8,
      },
    });
  });

  it('has reasoning, refusals and calls as items of their own, in the order of the API', () => {
    const calls = [
      { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
      { id: 'c2', type: 'function', function: { name: 'g', arguments: '{}' } },
    ];
    const message = { reasoning_content: 'Hm.', content: null, refusal: 'No.', tool_calls: calls };
    expect(responseOfChat(request, completion(message, 'tool_calls'), 'resp_1')?.output).toEqual([
      {
        id: 'rs_1_0',
        type: 'reasoning',
        summary: [],
        content: [{ type: 'reasoning_text', text: 'Hm.' }],
        status: 'completed',
      },
      {
        id: 'msg_1_1',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'refusal', refusal: 'No.' }],
      },
      {
        id: 'fc_1_2',
        type: 'function_call',
        call_id: 'c1',
        name: 'f',
        arguments: '{"a":1}',
        status: 'completed',
      },
      { id: 'fc_1_3', type: 'function_call', call_id: 'c2', name: 'g', arguments: '{}', status: 'completed' },
    ]);
  });

  it.each([
    ['length', 'max_output_tokens'],
    ['content_filter', 'content_filter'],
  ])('is incomplete where it ended by %s', (finishReason, reason) => {
    expect(responseOfChat(request, completion({ content: 'Hi' }, finishReason), 'resp_1')).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason },
      output: [{ status: 'incomplete' }],
    });
  });

  it('has an empty message where the model said nothing', () => {
    expect(responseOfChat(request, completion({ content: '' }), 'resp_1')?.output).toMatchObject([
      { type: 'message', content: [{ type: 'output_text', text: '' }] },
    ]);
  });

  it('is none where the answer is no completion', () => {
    expect(responseOfChat(request, { detail: 'Not Found' }, 'resp_1')).toBe(null);
  });
});
