import { describe, expect, it } from 'vitest';
import type { Job, JobEvent } from '../../../src/core/job.ts';
import type { DeliveredJob } from '../../../src/core/surface.ts';
import { contractOf } from '../../../src/protocols/contracts/contracts.ts';
import { jobs } from '../../../src/protocols/jobs/surface.ts';
import { aJob, storedResult } from '../../support/job.ts';

function delivered(event: DeliveredJob['event'], given: Partial<DeliveredJob> = {}, job: Partial<Job> = {}) {
  const meta = { ownId: null, baseUrl: 'https://gate.example', metadata: { order: 7 } };
  const parts: DeliveredJob = {
    job: aJob({ id: 'job_1', meta, startedAtMs: 2_000, ...job }),
    contract: contractOf('openai'),
    ...{ event, input: null, output: null, events: [] },
    ...given,
  };
  return JSON.parse(jobs.renderDelivery!(parts)) as {
    type: string;
    timestamp: string;
    data: Record<string, unknown>;
  };
}

const piece = (seq: number, type: JobEvent['type'], data: string): JobEvent => ({
  seq,
  atMs: seq * 1_000,
  type,
  data,
});

describe('the body of a webhook', () => {
  it('says what happened, when, and how the job stands', () => {
    expect(delivered('start', {}, { state: 'running' })).toMatchObject({
      type: 'job.started',
      timestamp: '1970-01-01T00:00:02.000Z',
      data: {
        id: 'job_1',
        status: 'running',
        metadata: { order: 7 },
        urls: { self: 'https://gate.example/v1/jobs/job_1' },
      },
    });
  });

  it('has the pieces of the attempt that counts', () => {
    const events = [
      piece(1, 'output', 'void'),
      piece(2, 'reset', ''),
      piece(3, 'output', 'a'),
      piece(4, 'logs', 'l1'),
    ];
    expect(delivered('output', { events })).toMatchObject({
      type: 'job.output',
      timestamp: '1970-01-01T00:00:04.000Z',
      data: { output: ['a'] },
    });
    expect(delivered('logs', { events: [...events, piece(5, 'logs', 'l2')] }).data.logs).toBe('l1l2');
  });

  it.each([
    ['application/json', '{"a":1}', { a: 1 }],
    ['application/problem+json; charset=utf-8', '{"a":1}', { a: 1 }],
    ['application/json', 'not quite', 'not quite'],
    ['text/plain', 'tea', 'tea'],
    ['audio/wav', 'RIFF', null],
  ])('has the answer where it is %s', (contentType, text, answer) => {
    const result = { ...storedResult, contentType };
    const ended = { state: 'succeeded', result, endedAtMs: 9_000 } as const;
    const body = delivered('completed', { output: Buffer.from(text) }, ended);
    expect(body).toMatchObject({
      type: 'job.ended',
      timestamp: '1970-01-01T00:00:09.000Z',
      data: { answer },
    });
  });

  it('leaves an answer that is too large to be fetched', () => {
    const ended = { state: 'succeeded', result: storedResult, endedAtMs: 9_000 } as const;
    expect(delivered('completed', { output: null }, ended).data).toMatchObject({
      answer: null,
      result: { bytes: 4 },
      urls: { result: 'https://gate.example/v1/jobs/job_1/result' },
    });
  });
});
