import type { PilotlightError } from '../../core/errors.ts';
import type { SurfaceDialect } from '../../core/surface.ts';
import { sseEvent } from '../surface-json.ts';

/** Replicate's errors: `{"title", "detail", "status"}` (RFC 9457), 422 for what is wrong with a field. */
export const replicateDialect: SurfaceDialect = {
  name: 'replicate',
  renderError: (error) => {
    const status = statusOf(error);
    return JSON.stringify({ title: titleOf(status), detail: error.message, status });
  },
  renderStreamError: (error) =>
    sseEvent({ event: 'error', data: JSON.stringify({ detail: error.message }) }) +
    sseEvent({ event: 'done', data: JSON.stringify({ reason: 'error' }) }),
  renderHeartbeat: () => ': hi\n\n',
  statusOf,
};

function statusOf({ code, spec }: PilotlightError): number {
  return code === 'bad_request' ? 422 : spec.status;
}

function titleOf(status: number): string {
  switch (status) {
    case 401:
      return 'Unauthenticated';
    case 404:
      return 'Not found';
    case 422:
      return 'Input validation failed';
    case 429:
      return 'Too many requests';
    default:
      return status < 500 ? 'Bad request' : 'Service error';
  }
}
