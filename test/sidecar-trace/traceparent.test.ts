import { describe, expect, it } from 'vitest';
import { formatTraceparent, parseTraceparent, withTraceparent } from '../../src/sidecar/trace/traceparent.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

describe('traceparent', () => {
  it.each([
    [`00-${traceId}-${spanId}-01`, 1],
    [`00-${traceId}-${spanId}-00`, 0],
    [`00-${traceId}-${spanId}-03`, 3],
    [`cc-${traceId}-${spanId}-ff-what-is-this`, 3],
    [`01-${traceId}-${spanId}-05`, 1],
  ])('is read, with the flags that are known: %s', (text, flags) => {
    expect(parseTraceparent(text)).toEqual({ traceId, spanId, flags });
  });

  it.each([
    '',
    '00-bad',
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-04`,
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `cc-${traceId}-${spanId}-011`,
  ])('is none: %j', (text) => {
    expect(parseTraceparent(text)).toBeNull();
  });

  it('is written in version 00', () => {
    expect(formatTraceparent({ traceId, spanId, flags: 3 })).toBe(`00-${traceId}-${spanId}-03`);
  });

  it('takes the place of the one that came, and a new trace leaves the state of the old one behind', () => {
    const fields = ['a', '1', 'traceparent', 'x', 'tracestate', 'v=1', 'baggage', 'b=c'];
    expect(withTraceparent(fields, 'y', false)).toEqual([
      'a',
      '1',
      'tracestate',
      'v=1',
      'baggage',
      'b=c',
      'traceparent',
      'y',
    ]);
    expect(withTraceparent(fields, 'y', true)).toEqual(['a', '1', 'baggage', 'b=c', 'traceparent', 'y']);
  });
});
