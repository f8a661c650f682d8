import { describe, expect, it } from 'vitest';
import { patienceMs } from '../../src/core/client-deadline.ts';

const forever = Number.POSITIVE_INFINITY;

describe('how long a request waits', () => {
  it.each([
    ['nothing is set', {}, 0, 0, forever],
    ['only queue.timeout is', {}, 500, 0, 500],
    ['only timeouts.total is', {}, 0, 700, 700],
    ['both are', {}, 500, 700, 500],
    ['the client says less', { 'x-stainless-timeout': '0.25' }, 500, 700, 250],
    ['the client says more', { 'x-request-timeout': '60' }, 500, 700, 500],
    ['only the client says something', { 'x-scale-up-timeout': '2' }, 0, 0, 2_000],
    ['the client says several', { 'x-request-timeout': '3', 'x-scale-up-timeout': '2' }, 0, 0, 2_000],
    ['what it says is no time', { 'x-request-timeout': 'soon' }, 500, 0, 500],
    ['it says 0, which is none', { 'x-request-timeout': '0' }, 500, 0, 500],
    ['it says less than none', { 'x-request-timeout': '-1' }, 500, 0, 500],
    ['it says infinity', { 'x-request-timeout': 'Infinity' }, 500, 0, 500],
    // It bounds silence, which heartbeats break: no deadline (openai-python).
    ['it bounds the time between reads', { 'x-stainless-read-timeout': '0.1' }, 500, 0, 500],
  ] as const)('when %s', (_when, headers, queueMs, totalMs, expectedMs) => {
    expect(patienceMs(headers, queueMs, totalMs)).toBe(expectedMs);
  });
});
