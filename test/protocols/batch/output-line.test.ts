import { describe, expect, it } from 'vitest';
import type { Job } from '../../../src/core/job.ts';
import {
  addUsage,
  fileOf,
  isRowExpired,
  maxRowBytes,
  outputLine,
  usageOf,
} from '../../../src/protocols/batch/output-line.ts';

/** A row that succeeded, with what a test changes. */
function row(changes: Partial<Job> = {}): Job {
  const result = {
    status: 200,
    contentType: 'application/json',
    headers: { 'x-request-id': 'req_1' },
    body: { at: 'store', bytes: 10 },
  };
  const limits = { endByMs: 5_000 };
  return {
    id: 'batch_req_1_0',
    state: 'succeeded',
    meta: { customId: 'mine "1"' },
    limits,
    result,
    error: null,
    endedAtMs: 1,
    ...changes,
  } as unknown as Job;
}

describe('a line of an output file', () => {
  it('has the answer of the backend as it wrote it, on one line', () => {
    const line = outputLine(row(), Buffer.from('{\r\n  "n": 12345678901234567890,\n "text": "a\\nb" }'));
    expect(line).toBe(
      '{"id":"batch_req_1_0","custom_id":"mine \\"1\\"","response":{"status_code":200,"request_id":"req_1","body":{   "n": 12345678901234567890,  "text": "a\\nb" }},"error":null}\n',
    );
  });

  it('has an answer that is no JSON as text', () => {
    expect(JSON.parse(outputLine(row(), Buffer.from('so\nlong')))).toMatchObject({
      response: { body: 'so\nlong' },
    });
  });

  it('has the status and the body of an answer that was an error, in the error file', () => {
    const bad = row({ state: 'failed', result: { ...row().result!, status: 400 } });
    expect(fileOf(bad)).toBe('error');
    expect(JSON.parse(outputLine(bad, Buffer.from('{"error":{"message":"no"}}')))).toMatchObject({
      response: { status_code: 400, body: { error: { message: 'no' } } },
      error: null,
    });
  });

  it.each([
    [{ state: 'expired' }, 'batch_expired'],
    [{ state: 'timed_out', endedAtMs: 5_000 }, 'batch_expired'],
    [
      {
        state: 'timed_out',
        endedAtMs: 4_999,
        error: { code: 'job_expired', message: 'too slow', status: null },
      },
      'job_expired',
    ],
    [{ state: 'canceled' }, 'batch_cancelled'],
    [{ state: 'failed', error: { code: 'backend_died', message: 'twice', status: null } }, 'backend_died'],
  ] as [Partial<Job>, string][])('has the reason where there is no answer: %j', (changes, code) => {
    const job = row({ result: null, ...changes });
    expect(fileOf(job)).toBe('error');
    expect(isRowExpired(job)).toBe(code === 'batch_expired');
    expect(JSON.parse(outputLine(job, null))).toMatchObject({
      custom_id: 'mine "1"',
      response: null,
      error: { code },
    });
  });

  it('leaves out an answer that is too large, and says so', () => {
    const result = { ...row().result!, body: { at: 'blob', blob: 'x', bytes: maxRowBytes + 1 } } as const;
    expect(fileOf(row({ result }))).toBe('error');
    expect(JSON.parse(outputLine(row({ result }), null))).toMatchObject({
      error: { code: 'answer_too_large' },
    });
  });
});

describe('the usage of a batch', () => {
  it("is the sum of what answers say, of both of OpenAI's forms", () => {
    const chat = usageOf({
      usage: {
        prompt_tokens: 3,
        completion_tokens: 4,
        total_tokens: 7,
        prompt_tokens_details: { cached_tokens: 1 },
      },
    });
    const responses = usageOf({
      usage: { input_tokens: 10, output_tokens: 20, output_tokens_details: { reasoning_tokens: 5 } },
    });
    expect(addUsage(addUsage(null, chat), addUsage(responses, usageOf({})))).toEqual({
      input_tokens: 13,
      input_tokens_details: { cached_tokens: 1 },
      output_tokens: 24,
      output_tokens_details: { reasoning_tokens: 5 },
      total_tokens: 37,
    });
  });
});
