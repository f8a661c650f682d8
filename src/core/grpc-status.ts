import type { ErrorCode } from './error-table.ts';

/** A status of gRPC (https://grpc.io/docs/guides/status-codes/). */
export interface GrpcStatus {
  readonly number: number;
  readonly name: string;
}

const invalidArgument: GrpcStatus = { number: 3, name: 'INVALID_ARGUMENT' };
const deadlineExceeded: GrpcStatus = { number: 4, name: 'DEADLINE_EXCEEDED' };
const notFound: GrpcStatus = { number: 5, name: 'NOT_FOUND' };
const permissionDenied: GrpcStatus = { number: 7, name: 'PERMISSION_DENIED' };
const resourceExhausted: GrpcStatus = { number: 8, name: 'RESOURCE_EXHAUSTED' };
const failedPrecondition: GrpcStatus = { number: 9, name: 'FAILED_PRECONDITION' };
const outOfRange: GrpcStatus = { number: 11, name: 'OUT_OF_RANGE' };
const unimplemented: GrpcStatus = { number: 12, name: 'UNIMPLEMENTED' };
const internal: GrpcStatus = { number: 13, name: 'INTERNAL' };
const unavailable: GrpcStatus = { number: 14, name: 'UNAVAILABLE' };
const unauthenticated: GrpcStatus = { number: 16, name: 'UNAUTHENTICATED' };

/** What each error is to a client of gRPC. UNIMPLEMENTED is what a server says of a method that it does not have. */
export const grpcStatus: Readonly<Record<ErrorCode, GrpcStatus>> = {
  bad_request: invalidArgument,
  invalid_body: invalidArgument,
  invalid_settings: invalidArgument,
  model_required: invalidArgument,
  invalid_api_key: unauthenticated,
  invalid_admin_token: unauthenticated,
  forbidden_host: permissionDenied,
  forbidden_origin: permissionDenied,
  model_not_found: notFound,
  route_not_found: unimplemented,
  method_not_allowed: unimplemented,
  request_timeout: deadlineExceeded,
  body_too_large: resourceExhausted,
  unsupported_encoding: unimplemented,
  expectation_failed: invalidArgument,
  upgrade_required: unimplemented,
  wrong_http_version: unimplemented,
  headers_too_large: resourceExhausted,
  queue_full: resourceExhausted,
  memory_full: resourceExhausted,
  internal,
  backend_unreachable: unavailable,
  backend_reset: unavailable,
  backend_bad_response: internal,
  start_failed: unavailable,
  no_capacity: unavailable,
  queue_timeout: deadlineExceeded,
  would_not_make_it: deadlineExceeded,
  cold: unavailable,
  draining: unavailable,
  standby: unavailable,
  paused: unavailable,
  backend_timeout: deadlineExceeded,
  job_not_found: notFound,
  file_not_found: notFound,
  not_emulated: unimplemented,
  job_conflict: failedPrecondition,
  idempotency_conflict: failedPrecondition,
  events_gone: outOfRange,
  store_unavailable: unavailable,
  store_full: resourceExhausted,
  backend_error: internal,
  backend_died: internal,
  job_interrupted: internal,
  job_expired: deadlineExceeded,
};
