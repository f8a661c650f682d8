import type { ErrorCode } from '../../core/error-table.ts';
import type { PilotlightError } from '../../core/errors.ts';
import type { SurfaceDialect } from '../../core/surface.ts';
import { streamException } from './event-frame.ts';

interface AwsError {
  readonly status: number;
  /** Its shape in the service's model, which the SDKs make an exception of. */
  readonly type: string;
}

const validation: AwsError = { status: 400, type: 'ValidationError' };
const notReady: AwsError = { status: 429, type: 'ModelNotReadyException' };
const throttled: AwsError = { status: 429, type: 'ThrottlingException' };
const unavailable: AwsError = { status: 503, type: 'ServiceUnavailable' };
const internal: AwsError = { status: 500, type: 'InternalFailure' };
const modelError: AwsError = { status: 424, type: 'ModelError' };
const denied: AwsError = { status: 403, type: 'UnrecognizedClientException' };
const unknownOperation: AwsError = { status: 404, type: 'UnknownOperationException' };

/** Those that are not of their status alone. */
const byCode: Partial<Record<ErrorCode, AwsError>> = {
  invalid_api_key: denied,
  route_not_found: unknownOperation,
  method_not_allowed: unknownOperation,
  job_not_found: { status: 404, type: 'NoSuchKey' },
  // A wait for a start that is under way: "a serverless endpoint variant's resources are still being provisioned".
  cold: notReady,
  would_not_make_it: notReady,
  queue_timeout: notReady,
  queue_full: throttled,
  memory_full: throttled,
  backend_reset: modelError,
  backend_bad_response: modelError,
  backend_timeout: modelError,
  not_emulated: validation,
};

/** https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_Errors */
function awsErrorOf(error: PilotlightError): AwsError {
  const { status } = error.spec;
  const own = byCode[error.code];
  if (own !== undefined) return own;
  if (status < 500) return validation;
  return error.code === 'internal' ? internal : unavailable;
}

/**
 * SageMaker's errors: the type in a field of the head, `{"Message"}` and, of a ModelError, what the model said. An unknown
 * endpoint is a ValidationError there as well. Streams end with exceptions of their own (`streamFailure`), never with text.
 */
export const sagemakerDialect: SurfaceDialect = {
  name: 'sagemaker',
  renderError(error) {
    const { type } = awsErrorOf(error);
    if (type !== 'ModelError') return JSON.stringify({ Message: error.message });
    return renderModelError({ status: 0, message: error.message, original: '' });
  },
  renderStreamError: () => '',
  renderHeartbeat: () => '',
  statusOf: (error) => awsErrorOf(error).status,
  headersOf: (error) => ({ 'x-amzn-errortype': awsErrorOf(error).type }),
};

/** The body of a ModelError. `status`: of the model's answer; 0: there was none. */
export function renderModelError(of: {
  readonly status: number;
  readonly message: string;
  readonly original: string;
}): string {
  const { status, message, original } = of;
  return JSON.stringify({
    Message: message,
    OriginalStatusCode: status,
    OriginalMessage: original,
    LogStreamArn: '',
  });
}

/** The message that ends a stream which failed in the middle. */
export function streamFailure(error: PilotlightError): Buffer {
  if (error.code === 'backend_timeout') {
    return streamException('ModelStreamError', {
      Message: error.message,
      ErrorCode: 'ModelInvocationTimeExceeded',
    });
  }
  if (awsErrorOf(error) === modelError || error.code === 'backend_unreachable') {
    return streamException('ModelStreamError', { Message: error.message, ErrorCode: 'StreamBroken' });
  }
  return streamException('InternalStreamFailure', { Message: error.message });
}
