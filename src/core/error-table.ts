/** One row of the table of errors a client can get. */
export interface ErrorSpec {
  /** HTTP status where the response has not begun. */
  readonly status: number;
  /** `error.type` in OpenAI's dialect. */
  readonly type: string;
  /** `error.param` unless the error names another. */
  readonly param?: string;
  /** Value of `x-should-retry`, which the OpenAI SDKs obey before the status; absent: no header. */
  readonly shouldRetry?: boolean;
  /** Whether Retry-After and retry-after-ms are sent (every 429 and 503). */
  readonly retryAfter?: boolean;
  /** When it happens, for docs/errors.md. */
  readonly when: string;
  /** What the reader can do about it, for docs/errors.md. */
  readonly remedy: string;
}

/** The only source of errors: every code a client can get. docs/errors.md is generated from it. */
export const errorTable = {
  bad_request: {
    status: 400,
    type: 'invalid_request_error',
    when: 'The HTTP message is malformed or could be read in two ways by two parsers.',
    remedy: 'Send well-formed HTTP/1.1: one Host, one of content-length and transfer-encoding.',
  },
  invalid_body: {
    status: 400,
    type: 'invalid_request_error',
    when: 'The body is not what the route reads: not JSON in UTF-8, cut short, nested too deeply, a broken form.',
    remedy: 'Send a complete JSON object (or multipart form) in UTF-8.',
  },
  invalid_settings: {
    status: 400,
    type: 'invalid_request_error',
    when: 'Settings that the admin API was asked to take are none of `scale`, or do not go together with the others.',
    remedy:
      'Mend what the message names by its path, as in `scale.min: must be at most scale.max, which is 1`.',
  },
  model_required: {
    status: 400,
    type: 'invalid_request_error',
    param: 'model',
    when: 'The request names no model, an empty one, or one that is not a string.',
    remedy: 'Set `model` to one of the names that GET /v1/models lists.',
  },
  invalid_api_key: {
    status: 401,
    type: 'authentication_error',
    when: 'Keys are configured and the request carries none, or one that is not among them.',
    remedy: 'Send `Authorization: Bearer KEY` or `x-api-key: KEY`.',
  },
  invalid_admin_token: {
    status: 401,
    type: 'authentication_error',
    when: 'The admin port asks for its token and the request carries none or a wrong one.',
    remedy: 'Send `Authorization: Bearer TOKEN` with the value of server.admin.token.',
  },
  forbidden_host: {
    status: 403,
    type: 'permission_error',
    when: 'The admin port without a token was asked under a host name that is not a loopback one (DNS rebinding).',
    remedy: 'Use 127.0.0.1 or localhost, or set server.admin.token.',
  },
  forbidden_origin: {
    status: 403,
    type: 'permission_error',
    when: 'A page of another origin asks for a WebSocket and is not in server.cors, or asks the admin port without a token.',
    remedy: 'Add the origin to server.cors, or set server.admin.token.',
  },
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    param: 'model',
    when: 'No model or alias of that name is configured.',
    remedy: 'Use one of the names in the message, or add the model to the configuration.',
  },
  route_not_found: {
    status: 404,
    type: 'invalid_request_error',
    when: 'No protocol lists this path and no match rule takes it.',
    remedy:
      'Check the path; development routes of a backend are reached through /upstream/{model}/ on the admin port.',
  },
  method_not_allowed: {
    status: 405,
    type: 'invalid_request_error',
    when: 'The path exists, but not with this method.',
    remedy: 'Use the method in the Allow header.',
  },
  request_timeout: {
    status: 408,
    type: 'invalid_request_error',
    when: 'The head or the body of the request did not arrive in time.',
    remedy: 'Send faster, or raise server.limits.headerTimeout or bodyTimeout.',
  },
  body_too_large: {
    status: 413,
    type: 'invalid_request_error',
    when: 'The body is larger than server.maxBody; told before it is read whole.',
    remedy: 'Send less, or raise server.maxBody.',
  },
  unsupported_encoding: {
    status: 415,
    type: 'invalid_request_error',
    when: 'The body of a route that names its model in the body is compressed.',
    remedy: 'Send the body without content-encoding.',
  },
  expectation_failed: {
    status: 417,
    type: 'invalid_request_error',
    when: 'An Expect header asks for something else than 100-continue.',
    remedy: 'Leave the header out.',
  },
  upgrade_required: {
    status: 426,
    type: 'invalid_request_error',
    when: 'The path is a WebSocket and was asked without an upgrade.',
    remedy: 'Connect with a WebSocket client.',
  },
  headers_too_large: {
    status: 431,
    type: 'invalid_request_error',
    when: 'The head has more bytes or more fields than server.limits allows.',
    remedy: 'Send fewer headers, or raise server.limits.headerSize or headerCount.',
  },
  queue_full: {
    status: 429,
    type: 'rate_limit_error',
    shouldRetry: true,
    retryAfter: true,
    when: 'As many requests (or bytes of requests) as queue.max (queue.maxBytes) allows wait for this model.',
    remedy: 'Retry after the time told; raise queue.max, concurrency or scale.max.',
  },
  memory_full: {
    status: 429,
    type: 'rate_limit_error',
    shouldRetry: true,
    retryAfter: true,
    when: 'The bodies of waiting requests fill server.heldMemory and the spool (or its disk).',
    remedy: 'Retry after the time told; raise server.heldMemory or server.spool.max.',
  },
  internal: {
    status: 500,
    type: 'server_error',
    when: 'A bug in the gateway.',
    remedy: 'Report it with the request id and the log line.',
  },
  backend_unreachable: {
    status: 502,
    type: 'server_error',
    shouldRetry: true,
    when: 'The replica refused the connection (nothing was sent) and no other could be had before the deadline.',
    remedy: 'Look at the model with `pilotlight status`; the replica is probed and comes back by itself.',
  },
  backend_reset: {
    status: 502,
    type: 'server_error',
    shouldRetry: false,
    when: 'The backend closed the connection after the request was sent and before its answer; never repeated.',
    remedy: 'Look at the log of the backend; whether it did the work is not known.',
  },
  backend_bad_response: {
    status: 502,
    type: 'server_error',
    shouldRetry: false,
    when: 'The backend answered with something that is not HTTP, or, to a client that had got a heartbeat (status 200), with an error.',
    remedy: 'Check that backend.urls or the port is that of an HTTP server; look at the log of the backend.',
  },
  start_failed: {
    status: 503,
    type: 'server_error',
    shouldRetry: false,
    retryAfter: true,
    when: 'The backend did not start: it exited, passed its startup deadline, or is in its back-off after that.',
    remedy: 'Read the reason and the last output lines in the message or in /api/models.',
  },
  no_capacity: {
    status: 503,
    type: 'server_error',
    shouldRetry: false,
    retryAfter: true,
    when: 'The platform has no room for the backend: no node takes it, it is held back or was preempted, or a quota is used up.',
    remedy:
      "Read the scheduler's words in the message; add capacity (a GPU that is missing), or raise the quota.",
  },
  queue_timeout: {
    status: 503,
    type: 'server_error',
    shouldRetry: false,
    retryAfter: true,
    when: 'The request waited until its deadline; the start goes on.',
    remedy: 'Retry later; raise the client timeout or queue.timeout.',
  },
  would_not_make_it: {
    status: 503,
    type: 'server_error',
    shouldRetry: false,
    retryAfter: true,
    when: 'The deadline lies before the earliest moment at which the model can be expected to be ready; it is woken.',
    remedy: 'Retry after the time told, or send a longer timeout.',
  },
  cold: {
    status: 503,
    type: 'server_error',
    shouldRetry: true,
    retryAfter: true,
    when: 'The model is not running and is set to `cold: reject`; it is woken.',
    remedy: 'Retry after the time told.',
  },
  draining: {
    status: 503,
    type: 'server_error',
    shouldRetry: true,
    retryAfter: true,
    when: 'The gateway is shutting down.',
    remedy: 'Retry: another gateway, or this one after its restart, answers.',
  },
  standby: {
    status: 503,
    type: 'server_error',
    shouldRetry: true,
    retryAfter: true,
    when: 'Another gateway of the group holds the lease, or nobody knows to: this one admits and scales nothing.',
    remedy:
      'Retry: the Service leads to the gateway that is ready; look at the lease that the message names.',
  },
  paused: {
    status: 503,
    type: 'server_error',
    shouldRetry: false,
    retryAfter: true,
    when: 'An operator paused the model, or scale.pause is written.',
    remedy: 'Resume it: POST /api/models/{id}/resume on the admin port, or take scale.pause out.',
  },
  backend_timeout: {
    status: 504,
    type: 'server_error',
    shouldRetry: false,
    when: 'The backend sent no head within timeouts.firstByte, nothing for timeouts.idle, or was not done in timeouts.total.',
    remedy: 'Raise the timeout, or look at what the backend is doing.',
  },
} as const satisfies Record<string, ErrorSpec>;

/** The public codes, stable for clients. */
export type ErrorCode = keyof typeof errorTable;
