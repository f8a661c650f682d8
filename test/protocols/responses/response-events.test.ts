import { accumulateResponse } from 'openai/lib/responses/ResponseAccumulator';
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect, it } from 'vitest';
import type { Job, JobEvent } from '../../../src/core/job.ts';
import { ChatStream } from '../../../src/protocols/responses/chat-stream.ts';
import { responseEvents } from '../../../src/protocols/responses/response-events.ts';

const asked = {
  model: 'alias',
  input: 'Hello',
  stream: true,
  background: true,
  store: true,
  metadata: { a: 'b' },
};

function jobIn(state: Job['state'], more: Partial<Job> = {}): Job {
  return {
    id: 'resp_mine',
    state,
    createdAtMs: 5_000,
    endedAtMs: state === 'queued' ? null : 6_000,
    error: null,
    lastSeq: 0,
    meta: { model: 'alias', previousResponseId: null, earlierItems: 0 },
    ...more,
  } as unknown as Job;
}

/** Events as a job has them: a number is the seq of a piece of the backend's stream, text is a state. */
function jobEvents(parts: readonly (readonly [JobEvent['type'], string])[]): JobEvent[] {
  return parts.map(([type, data], index) => ({ seq: index + 1, atMs: 0, type, data }));
}

const pieces = (() => {
  const stream = new ChatStream({ model: 'real', input: 'Hello' }, 'resp_theirs');
  return ['{"choices":[{"delta":{"content":"Hel"}}]}', '{"choices":[{"delta":{"content":"lo"}}]}', '[DONE]']
    .flatMap((data) => stream.push(data))
    .map((data) => ['output', data] as const);
})();

async function told(
  events: readonly JobEvent[],
  { after = null, end = jobIn('succeeded') }: { after?: number | null; end?: Job } = {},
): Promise<ResponseStreamEvent[]> {
  const source = (async function* () {
    yield* events.filter(({ seq }) => seq > (after ?? 0));
  })();
  const found: ResponseStreamEvent[] = [];
  const parts = { job: jobIn('queued'), asked, after, events: source, atEnd: async () => end };
  for await (const text of responseEvents(parts)) {
    const [, name, data] = /^event: (.*)\ndata: (.*)\n\n$/.exec(text)!;
    const event = JSON.parse(data!) as ResponseStreamEvent;
    expect(event.type).toBe(name);
    found.push(event);
  }
  return found;
}

function accumulated(events: readonly ResponseStreamEvent[]): Response {
  let response: Response | undefined;
  for (const event of events) response = accumulateResponse(event, response);
  return response!;
}

describe('the events of a background response', () => {
  it('begin with its creation, have its own id and name, and numbers that grow', async () => {
    const events = await told(
      jobEvents([['state', 'queued'], ['state', 'running'], ...pieces, ['state', 'succeeded']]),
    );
    expect(events.map(({ type }) => type).slice(0, 3)).toEqual([
      'response.created',
      'response.queued',
      'response.in_progress',
    ]);
    const numbers = events.map((event) => event.sequence_number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(numbers[0]).toBe(0);
    expect(accumulated(events)).toMatchObject({
      id: 'resp_mine',
      model: 'alias',
      created_at: 5,
      background: true,
      status: 'completed',
      metadata: { a: 'b' },
      output: [{ content: [{ text: 'Hello' }] }],
    });
  });

  it('go on behind the number that a client names, wherever that was', async () => {
    const all = jobEvents([['state', 'queued'], ...pieces, ['state', 'succeeded']]);
    const events = await told(all);
    for (const { sequence_number: after } of events) {
      const rest = await told(all, { after });
      expect(rest).toEqual(events.filter((event) => event.sequence_number > after));
    }
  });

  it('void what an attempt told that broke off', async () => {
    const events = await told(
      jobEvents([['state', 'queued'], ...pieces.slice(0, -2), ['reset', ''], ['state', 'queued'], ...pieces]),
    );
    expect(accumulated(events)).toMatchObject({
      status: 'completed',
      output: [{ content: [{ text: 'Hello' }] }],
    });
  });

  it('end with the failure of a job that has no answer, told once', async () => {
    const error = { code: 'backend_died', message: 'it died twice', status: null };
    const end = jobIn('failed', { error, lastSeq: 3 });
    const all = jobEvents([
      ['state', 'queued'],
      ['state', 'running'],
      ['state', 'failed'],
    ]);
    const events = await told(all, { end });
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      sequence_number: 3,
      response: {
        id: 'resp_mine',
        status: 'failed',
        error: { code: 'server_error', message: 'it died twice' },
      },
    });
    expect(await told(all, { end, after: 3 })).toEqual([]);
  });

  it('end without another event where it was cancelled', async () => {
    const events = await told(
      jobEvents([
        ['state', 'queued'],
        ['state', 'canceled'],
      ]),
      { end: jobIn('canceled') },
    );
    expect(events.map(({ type }) => type)).toEqual(['response.created', 'response.queued']);
  });
});
