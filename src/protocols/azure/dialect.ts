import type { ErrorCode } from '../../core/error-table.ts';
import type { PilotlightError } from '../../core/errors.ts';
import type { SurfaceDialect } from '../../core/surface.ts';

/** The field in which Azure ML says why, of a model's error and of a refusal. */
export const reasonField = 'ms-azureml-model-error-reason';

/**
 * Azure's own where they differ: a request's time includes its wait, a model that breaks is 424
 * (https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes).
 */
const ownStatus: Partial<Record<ErrorCode, number>> = {
  queue_timeout: 408,
  backend_timeout: 408,
  backend_reset: 424,
  backend_bad_response: 424,
};

const reasons: Partial<Record<ErrorCode, string>> = {
  queue_full: 'too_many_pending_request',
  memory_full: 'too_many_pending_request',
  backend_reset: 'model_error',
  backend_bad_response: 'model_error',
  cold: 'model_not_ready',
  start_failed: 'model_not_ready',
  no_capacity: 'model_not_ready',
};

function renderError(error: PilotlightError): string {
  return JSON.stringify({ error: { code: error.code, message: error.message } });
}

/** `{"error":{code,message}}`, the reason in a field of the head where Azure ML has one. */
export const azureDialect: SurfaceDialect = {
  name: 'azure',
  renderError,
  renderStreamError: (error) => `data: ${renderError(error)}\n\n`,
  renderHeartbeat: () => ':\n\n',
  statusOf: (error) => ownStatus[error.code] ?? error.spec.status,
  headersOf(error) {
    const reason = reasons[error.code];
    return reason === undefined ? {} : { [reasonField]: reason };
  },
};
