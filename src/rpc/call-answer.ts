import type { PilotlightError } from '../core/errors.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import { errorHeaders } from '../forward/reply.ts';
import type { Timings } from '../forward/timings.ts';
import { type OwnMethod, ownInferenceAnswer } from '../protocols/grpc/inference.ts';
import { grpcErrorFields } from '../protocols/grpc/refusal.ts';
import type { OwnAnswer } from '../relay/traffic.ts';
import type { CallArrival } from './call-arrival.ts';

type Asked = Pick<CallArrival, 'isGrpc' | 'dialect' | 'requestId'>;

/** An error as its client reads it: to gRPC a status and nothing else, else an answer in the dialect of the route. */
export function errorAnswer(
  { isGrpc, dialect, requestId }: Asked,
  error: PilotlightError,
  timings: Timings | null,
): OwnAnswer {
  const fields: FlatHeaders = ['content-type', isGrpc ? 'application/grpc' : 'application/json'];
  fields.push('x-request-id', requestId);
  if (isGrpc) fields.push(...error.headers, ...grpcErrorFields(error));
  else fields.push(...withoutConnection(errorHeaders(error)));
  timings?.appendTo(fields);
  return isGrpc
    ? { status: 200, fields, body: '' }
    : { status: error.spec.status, fields, body: dialect.renderError(error) };
}

/** HTTP/2 has no such field. */
function withoutConnection(fields: FlatHeaders): FlatHeaders {
  const at = fields.indexOf('connection');
  return at === -1 || at % 2 === 1 ? fields : fields.toSpliced(at, 2);
}

/** The answer to a method that asks the server itself; `isReady`: requests are admitted. */
export function ownAnswer(method: OwnMethod, isReady: boolean, requestId: string): OwnAnswer {
  return {
    status: 200,
    fields: ['content-type', 'application/grpc', 'x-request-id', requestId],
    body: ownInferenceAnswer(method, isReady),
    trailers: ['grpc-status', '0'],
  };
}

/** The backend's head as the client gets it. `x-request-id` is the gateway's. */
export function passedFields(fields: FlatHeaders, requestId: string, timings: Timings): FlatHeaders {
  const out: FlatHeaders = [];
  for (let i = 0; i + 1 < fields.length; i += 2)
    if (fields[i] !== 'x-request-id') out.push(fields[i]!, fields[i + 1]!);
  out.push('x-request-id', requestId);
  timings.appendTo(out);
  return out;
}
