import type { IncomingHttpHeaders } from 'node:http';

/** Seconds a client says it waits: OpenAI's Node SDK, Hugging Face, and a plain one. */
const deadlineHeaders = ['x-stainless-timeout', 'x-scale-up-timeout', 'x-request-timeout'] as const;

/** Milliseconds from now that the client said it waits, the smallest of its headers; 0 when it said nothing usable. */
export function clientDeadlineMs(headers: IncomingHttpHeaders): number {
  let smallestMs = 0;
  for (const name of deadlineHeaders) {
    const value = headers[name];
    if (typeof value !== 'string') continue;
    const ms = Number(value) * 1000;
    if (Number.isFinite(ms) && ms > 0 && (smallestMs === 0 || ms < smallestMs)) smallestMs = ms;
  }
  return smallestMs;
}

/** The smallest of some limits, of which 0 means none; Infinity when all are 0. */
export function smallestMs(...limitsMs: readonly number[]): number {
  return Math.min(...limitsMs.map((ms) => (ms === 0 ? Number.POSITIVE_INFINITY : ms)));
}
