import type { ErrorCode } from '../../core/error-table.ts';
import type { PilotlightError } from '../../core/errors.ts';
import type { SurfaceDialect } from '../../core/surface.ts';

/** Canonical codes of google.rpc by the status they are sent with (https://cloud.google.com/apis/design/errors). */
const canonical: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** Where Vertex AI says it under another status: a model that is not up yet is 429 there. */
const ownStatus: Partial<Record<ErrorCode, number>> = {
  cold: 429,
  would_not_make_it: 429,
  queue_timeout: 429,
  body_too_large: 400,
  backend_reset: 500,
  backend_bad_response: 500,
};

function statusOf(error: PilotlightError): number {
  const { status } = error.spec;
  return ownStatus[error.code] ?? (canonical[status] === undefined ? closest(status) : status);
}

function closest(status: number): number {
  return status < 500 ? 400 : 503;
}

/** The body of an error of the model itself: under its own status, which is 500 where it has none of an error. */
export function renderStatus(status: number, message: string): string {
  const name = canonical[status] ?? (status < 500 ? 'FAILED_PRECONDITION' : 'INTERNAL');
  return JSON.stringify({ error: { code: status, message, status: name } });
}

function renderError(error: PilotlightError): string {
  const code = statusOf(error);
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: error.code.toUpperCase(),
    domain: 'pilotlight',
  };
  return JSON.stringify({
    error: { code, message: error.message, status: canonical[code], details: [info] },
  });
}

/** Google's errors: `{"error":{code,message,status,details}}`, the gateway's own code as the reason (https://google.aip.dev/193). */
export const vertexDialect: SurfaceDialect = {
  name: 'vertex',
  renderError,
  renderStreamError: (error) => `data: ${renderError(error)}\n\n`,
  renderHeartbeat: () => ':\n\n',
  statusOf,
};
