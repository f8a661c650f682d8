import type { FlatHeaders } from '../../forward/headers.ts';
import { fieldOf, type LaneHead } from '../../relay/traffic.ts';
import type { SidecarIdentity } from '../settings.ts';
import { requestType } from './request-type.ts';
import { Float, Struct, type StructType, type Value } from './template/values.ts';

/** What a line is made of; a crossing that has ended has all of it. */
export interface LoggedRequest {
  readonly head: LaneHead;
  /** What the client got. */
  readonly status: number;
  /** Of the answer's body. */
  readonly answerBytes: number;
  /** From the head's arrival to the end. */
  readonly totalMs: number;
}

/** What the template's dot is: pkg/http's RequestLogTemplateInput. */
export function inputOf(request: LoggedRequest, revision: Struct): Struct {
  return Struct.of(inputType, { request, revision });
}

/** `.Revision`, once for all requests. */
export function revisionOf(identity: SidecarIdentity): Struct {
  return Struct.of(revisionType, identity);
}

/** Seconds as Go counts them: in whole nanoseconds. */
export function latencyOf({ totalMs }: LoggedRequest): Float {
  return new Float(Math.round(totalMs * 1e6) / 1e9);
}

interface Input {
  readonly request: LoggedRequest;
  readonly revision: Struct;
}

const inputType: StructType<Input> = {
  name: '*http.RequestLogTemplateInput',
  fields: {
    Request: ({ request }) => Struct.of(requestType, request.head),
    Response: ({ request }) => Struct.of(responseType, request),
    Revision: ({ revision }) => revision,
    TraceID: ({ request }) => traceIdOf(request.head.fields),
  },
  methods: {},
};

const responseType: StructType<LoggedRequest> = {
  name: '*http.RequestLogResponse',
  fields: {
    Code: ({ status }) => status,
    Size: ({ answerBytes }) => answerBytes,
    Latency: latencyOf,
  },
  methods: {},
};

const revisionType: StructType<SidecarIdentity> = {
  name: '*http.RequestLogRevision',
  fields: {
    Name: ({ revision }) => revision,
    Namespace: ({ namespace }) => namespace,
    Service: ({ service }) => service,
    Configuration: ({ configuration }) => configuration,
    PodName: ({ pod }) => pod,
    PodIP: ({ podIp }) => podIp,
  },
  methods: {},
};

/** As the client sent it, by W3C or else by B3 (pkg/http/trace.go); empty: it sent none. */
function traceIdOf(fields: FlatHeaders): Value {
  const [, traceId] = (fieldOf(fields, 'traceparent') ?? '').split('-');
  return traceId ?? fieldOf(fields, 'x-b3-traceid') ?? '';
}
