import { describe, expect, it } from 'vitest';
import type { BackendCall, Invocation } from '../../../src/core/contract.ts';
import { openaiContract } from '../../../src/protocols/contracts/openai.ts';
import { readWhole } from '../../../src/protocols/read-whole.ts';
import { translated } from '../../../src/protocols/translated.ts';

function callOf(body: object, responses: 'chat' | 'backend' = 'chat'): BackendCall {
  const invocation: Invocation = {
    path: '/v1/responses',
    method: 'POST',
    contentType: 'application/json',
    headers: {},
    content: { body: Buffer.from(JSON.stringify(body)) },
    isStream: false,
    id: 'batch_req_1',
  };
  return openaiContract.call(invocation, { name: 'real', path: null, responses });
}

/** What an answer of the backend becomes. */
async function answered(call: BackendCall, contentType: string, text: string, status = 200): Promise<string> {
  const source = (async function* () {
    for (let at = 0; at < text.length; at += 7) yield Buffer.from(text.slice(at, at + 7));
  })();
  return String(await readWhole(translated(source, { status, contentType }, call.translator!)));
}

describe('a call of /v1/responses', () => {
  it('goes on as it is where the backend takes it', () => {
    const call = callOf({ model: 'alias', input: 'Hi' }, 'backend');
    expect(call).toMatchObject({ path: '/v1/responses' });
    expect(call.translator).toBe(undefined);
    expect(JSON.parse(String(call.body))).toEqual({ model: 'real', input: 'Hi' });
  });

  it('is a chat where the model is set so, under the name its backend knows', () => {
    const call = callOf({ model: 'alias', input: 'Hi', stream: true });
    expect(call).toMatchObject({ path: '/v1/chat/completions', isStream: true });
    expect(JSON.parse(String(call.body))).toEqual({
      model: 'real',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('has its whole answer mapped back, with an id of its own', async () => {
    const completion = { choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] };
    const text = await answered(
      callOf({ model: 'alias', input: 'Hi' }),
      'application/json',
      JSON.stringify(completion),
    );
    expect(JSON.parse(text)).toMatchObject({
      id: 'resp_batch_req_1',
      object: 'response',
      model: 'alias',
      output: [{ content: [{ text: 'Hello' }] }],
    });
  });

  it('has its stream mapped back, each event under its name', async () => {
    const text = await answered(
      callOf({ model: 'alias', input: 'Hi', stream: true }),
      'text/event-stream',
      'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\n: a comment\n\ndata: {"choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    );
    const events = text
      .split('\n\n')
      .filter((event) => event !== '')
      .map((event) => /^event: (.*)\ndata: (.*)$/.exec(event)!);
    for (const [, name, data] of events) expect(JSON.parse(data!).type).toBe(name);
    expect(events.map(([, name]) => name)).toContain('response.output_text.delta');
    expect(JSON.parse(events.at(-1)![2]!)).toMatchObject({
      type: 'response.completed',
      response: { output: [{ content: [{ text: 'Hello' }] }] },
    });
  });

  it.each([
    [400, '{"error":{"message":"no"}}'],
    [200, 'something else'],
  ])('leaves an answer as it is that is no completion (%i %s)', async (status, text) => {
    expect(await answered(callOf({ model: 'a', input: 'Hi' }), 'application/json', text, status)).toBe(text);
  });
});
