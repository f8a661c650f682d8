import fc from 'fast-check';
import { accumulateResponse } from 'openai/lib/responses/ResponseAccumulator';
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { responseOfChat } from '../../../src/protocols/responses/chat-answer.ts';
import { ChatStream } from '../../../src/protocols/responses/chat-stream.ts';

const request = { model: 'm', input: 'Hello', stream: true };

/** The events of a stream whose choices have these deltas; the last names why it ended. */
function eventsOf(deltas: readonly JsonObject[], finishReason = 'stop'): ResponseStreamEvent[] {
  const stream = new ChatStream(request, 'resp_1');
  const chunk = (choice: JsonObject, more: JsonObject = {}) =>
    JSON.stringify({ created: 7, choices: [{ index: 0, ...choice }], ...more });
  const data = [
    chunk({ delta: { role: 'assistant', content: '' } }),
    ...deltas.map((delta) => chunk({ delta })),
    chunk({ delta: {}, finish_reason: finishReason }),
    JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }),
    '[DONE]',
  ];
  return data.flatMap((one) => stream.push(one)).map((event) => JSON.parse(event) as ResponseStreamEvent);
}

/** What OpenAI's client makes of the events. */
function accumulated(events: readonly ResponseStreamEvent[]): Response {
  let response: Response | undefined;
  for (const event of events) response = accumulateResponse(event, response);
  return response!;
}

describe('the chunks of a chat as the events of a response', () => {
  it('come in the order of the API, numbered from 0 without gaps', () => {
    const events = eventsOf([{ content: 'Hel' }, { content: 'lo' }]);
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual([...events.keys()]);
  });

  it("are put together by OpenAI's client to what the whole answer would have been", () => {
    const text = fc.record({ content: fc.string({ minLength: 1, maxLength: 6 }) });
    const reasoning = fc.record({ reasoning_content: fc.string({ minLength: 1, maxLength: 6 }) });
    const argument = fc.string({ maxLength: 6 });
    const call = fc.tuple(fc.nat({ max: 2 }), argument);
    fc.assert(
      fc.property(fc.array(reasoning), fc.array(text), fc.array(call), (thoughts, texts, calls) => {
        const seen = new Set<number>();
        const pieces = calls.map(([index, args]) => {
          const head = seen.has(index) ? {} : { id: `c${index}`, type: 'function' };
          const name = seen.has(index) ? {} : { name: `f${index}` };
          seen.add(index);
          return { tool_calls: [{ index, ...head, function: { ...name, arguments: args } }] };
        });
        const order = [...seen];
        const message = {
          reasoning_content: thoughts.map((one) => one.reasoning_content).join(''),
          content: texts.map((one) => one.content).join(''),
          tool_calls: order.map((index) => ({
            id: `c${index}`,
            function: {
              name: `f${index}`,
              arguments: calls
                .filter(([other]) => other === index)
                .map(([, args]) => args)
                .join(''),
            },
          })),
        };
        const whole = responseOfChat(
          request,
          {
            created: 7,
            choices: [{ message, finish_reason: 'stop' }],
            usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
          },
          'resp_1',
        );
        const events = eventsOf([...thoughts, ...texts, ...pieces]);
        const last = events.at(-1)!;
        expect(last).toMatchObject({ type: 'response.completed', response: whole });
        const { output } = accumulated(events.slice(0, -1));
        expect(JSON.parse(JSON.stringify(output))).toMatchObject(
          (last as { response: Response }).response.output,
        );
      }),
    );
  });

  it('end as incomplete where the model was cut off', () => {
    expect(eventsOf([{ content: 'He' }], 'length').at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: {
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        usage: { total_tokens: 3 },
      },
    });
  });

  it('end as failed where the backend says that it cannot go on, whatever follows', () => {
    const stream = new ChatStream(request, 'resp_1');
    const events = [
      '{"choices":[{"delta":{"content":"He"}}]}',
      '{"error":{"message":"out of memory","code":500}}',
      '[DONE]',
    ]
      .flatMap((data) => stream.push(data))
      .map((event) => JSON.parse(event));
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error', message: 'out of memory' } },
    });
  });

  it('are those of an empty message where nothing came', () => {
    expect(accumulated(eventsOf([]))).toMatchObject({
      status: 'completed',
      output: [{ type: 'message', content: [{ type: 'output_text', text: '' }] }],
    });
  });
});
