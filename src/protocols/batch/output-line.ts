import { isUtf8 } from 'node:buffer';
import type { Job } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { isJsonObject } from '../surface-json.ts';
import type { BatchUsage } from './batch-data.ts';

/** Largest answer of a row that an output file takes in. */
export const maxRowBytes = 64 * 2 ** 20;

/** Which of the two files a row's line goes into. */
export function fileOf(job: Job): 'output' | 'error' {
  return job.state === 'succeeded' && (job.result?.body.bytes ?? 0) <= maxRowBytes ? 'output' : 'error';
}

/** Whether the batch's window closed before the row was done. */
export function isRowExpired(job: Job): boolean {
  const { endByMs } = job.limits;
  if (job.state === 'expired') return true;
  return job.state === 'timed_out' && endByMs !== null && (job.endedAtMs ?? 0) >= endByMs;
}

/**
 * The line of a row that has ended, with its line end, as OpenAI writes it: an answer of the backend, good or bad, is
 * `response`; where there is none, `error` says why. `output`: the answer's bytes, null where there is none.
 */
export function outputLine(job: Job, output: Buffer | null): string {
  const id = JSON.stringify(job.id);
  const customId = JSON.stringify(job.meta.customId);
  const answer = output === null || job.result === null ? null : answerOf(job, output);
  const error = answer === null ? JSON.stringify(errorOf(job)) : 'null';
  return `{"id":${id},"custom_id":${customId},"response":${answer ?? 'null'},"error":${error}}\n`;
}

/** The tokens that an answer says it used; null where it says nothing of them. */
export function usageOf(body: unknown): BatchUsage | null {
  const usage = isJsonObject(body) ? body.usage : undefined;
  if (!isJsonObject(usage)) return null;
  const count = (holder: unknown, ...names: readonly string[]): number => {
    const found = names.map((name) => (isJsonObject(holder) ? holder[name] : undefined));
    return found.find((value): value is number => typeof value === 'number') ?? 0;
  };
  const input = count(usage, 'input_tokens', 'prompt_tokens');
  const output = count(usage, 'output_tokens', 'completion_tokens');
  const inputDetails = usage.input_tokens_details ?? usage.prompt_tokens_details;
  const outputDetails = usage.output_tokens_details ?? usage.completion_tokens_details;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: count(inputDetails, 'cached_tokens') },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: count(outputDetails, 'reasoning_tokens') },
    total_tokens: count(usage, 'total_tokens') || input + output,
  };
}

/** The sum of two. */
export function addUsage(sum: BatchUsage | null, next: BatchUsage | null): BatchUsage | null {
  if (sum === null || next === null) return sum ?? next;
  const cached = sum.input_tokens_details.cached_tokens + next.input_tokens_details.cached_tokens;
  const reasoning = sum.output_tokens_details.reasoning_tokens + next.output_tokens_details.reasoning_tokens;
  return {
    input_tokens: sum.input_tokens + next.input_tokens,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: sum.output_tokens + next.output_tokens,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: sum.total_tokens + next.total_tokens,
  };
}

/** What a row's answer holds where it is JSON; undefined: it is none. */
export function bodyOf(output: Buffer): unknown {
  try {
    return isUtf8(output) ? JSON.parse(output.toString()) : undefined;
  } catch {
    return undefined;
  }
}

function answerOf(job: Job, output: Buffer): string {
  const text = output.toString();
  // In JSON a line end stands only between values, so the answer keeps its numbers as they were written.
  const body = bodyOf(output) === undefined ? JSON.stringify(text) : text.replace(/[\r\n]+/g, ' ');
  const requestId = job.result?.headers['x-request-id'] ?? job.id;
  return `{"status_code":${job.result?.status},"request_id":${JSON.stringify(requestId)},"body":${body}}`;
}

function errorOf(job: Job): JsonObject {
  if (isRowExpired(job)) {
    const message = 'This request could not be executed before the completion window expired.';
    return { code: 'batch_expired', message };
  }
  if (job.state === 'canceled') {
    return { code: 'batch_cancelled', message: 'This request was not executed: the batch was cancelled.' };
  }
  if (job.state === 'succeeded') {
    const bytes = job.result?.body.bytes;
    return { code: 'answer_too_large', message: `The answer has ${bytes} of at most ${maxRowBytes} bytes.` };
  }
  return { code: job.error?.code ?? 'internal', message: job.error?.message ?? 'The request failed.' };
}
