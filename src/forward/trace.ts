import { randomUUID } from 'node:crypto';
import type { ForwardFacts } from './headers.ts';

const traceparentShape = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const uuidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The trace that a request goes on with (W3C Trace Context): the client's where it is valid, else a new one. */
export function traceOf(
  received: unknown,
  requestId: string,
): Pick<ForwardFacts, 'traceparent' | 'isNewTrace'> {
  const isValid = typeof received === 'string' && traceparentShape.test(received);
  return { traceparent: isValid ? received : newTrace(requestId), isNewTrace: !isValid };
}

/** Version 00, sampled, named like the request, so that one finds the other. */
function newTrace(requestId: string): string {
  const uuid = uuidShape.test(requestId) ? requestId : randomUUID();
  const trace =
    uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + uuid.slice(24);
  return `00-${trace}-${trace.slice(0, 16)}-01`;
}
