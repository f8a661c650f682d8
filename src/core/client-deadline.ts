type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Seconds a client says it waits: OpenAI's Node SDK, Hugging Face, and a plain one. */
export const deadlineHeaders = ['x-stainless-timeout', 'x-scale-up-timeout', 'x-request-timeout'] as const;

/** Milliseconds from now that the client said it waits, the smallest of its headers; 0 when it said nothing usable. */
export function clientDeadlineMs(headers: Headers): number {
  let smallestMs = 0;
  for (const name of deadlineHeaders) {
    const value = headers[name];
    if (typeof value !== 'string') continue;
    const ms = Number(value) * 1000;
    if (Number.isFinite(ms) && ms > 0 && (smallestMs === 0 || ms < smallestMs)) smallestMs = ms;
  }
  return smallestMs;
}

/** The smaller of two limits, of which 0 means none; Infinity when both are 0. */
function smallerMs(a: number, b: number): number {
  return Math.min(a === 0 ? Number.POSITIVE_INFINITY : a, b === 0 ? Number.POSITIVE_INFINITY : b);
}

/** How long a request may wait: the smallest of its queue's timeout, the total and what the client said; 0 is none. */
export function patienceMs(headers: Headers, queueMs: number, totalMs: number): number {
  return Math.min(smallerMs(queueMs, totalMs), smallerMs(clientDeadlineMs(headers), 0));
}
