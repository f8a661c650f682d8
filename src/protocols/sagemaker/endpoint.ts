import type { Desk, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { SurfaceOptions, SurfaceRequest } from '../../core/surface.ts';

/** The one production variant an endpoint has here, under the name that SageMaker's Python SDK gives to its own. */
export const variant = 'AllTraffic';

/** Fields of a request that its container sees, as SageMaker passes them on. */
export const onward = ['accept', 'x-amzn-sagemaker-custom-attributes', 'x-amzn-sagemaker-inference-id'];

/** Limits of serverless endpoints (https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html). */
export const serverless = { maxBodyBytes: 4 * 1024 * 1024, runMs: 60_000, maxConcurrency: 200 } as const;

const maxAttributeChars = 1_024;
const maxInferenceIdChars = 64;

/** What choosing a part of an endpoint would pretend, by field. */
const refused: Readonly<Record<string, string>> = {
  'x-amzn-sagemaker-target-model': 'an endpoint is one model: name the model as the endpoint',
  'x-amzn-sagemaker-target-container-hostname': 'an endpoint is one container',
  'x-amzn-sagemaker-inference-component': 'an endpoint is one model: name the model as the endpoint',
  'x-amzn-sagemaker-enable-explanations': 'no explainer stands beside a model',
  'x-amzn-sagemaker-session-id': 'no request is led to the replica of an earlier one by a session',
};

/** The model that is the endpoint. Throws model_not_found, bad_request, not_emulated for what the head asks besides. */
export function endpointOf({ params, headers }: SurfaceRequest, desk: Desk): DeskModel {
  const model = desk.model(params.endpoint ?? '');
  for (const [field, reason] of Object.entries(refused)) {
    if (headers[field] !== undefined) {
      throw new PilotlightError('not_emulated', `${field} is not served: ${reason}`, { param: field });
    }
  }
  const target = headers['x-amzn-sagemaker-target-variant'];
  if (target !== undefined && target !== variant) {
    const message = `could not find variant ${JSON.stringify(target)} of endpoint ${JSON.stringify(model.name)}: it has ${variant}`;
    throw new PilotlightError('bad_request', message, { param: 'TargetVariant' });
  }
  atMost(headers, 'x-amzn-sagemaker-custom-attributes', maxAttributeChars);
  atMost(headers, 'x-amzn-sagemaker-inference-id', maxInferenceIdChars);
  return model;
}

function atMost(headers: SurfaceRequest['headers'], field: string, maxChars: number): void {
  if ((headers[field]?.length ?? 0) <= maxChars) return;
  throw new PilotlightError('bad_request', `${field} may have ${maxChars} characters`, { param: field });
}

/** With the platform's limits: as many at once as the model may have, and 200 at most; more are throttled, none waits behind. */
export function throttle({ limits }: SurfaceOptions, model: DeskModel): void {
  if (limits !== 'original') return;
  const most = Math.min(model.maxConcurrency ?? serverless.maxConcurrency, serverless.maxConcurrency);
  if (model.inFlight + model.waiting < most) return;
  throw new PilotlightError(
    'queue_full',
    `endpoint ${JSON.stringify(model.name)} has ${most} of ${most} invocations at once (MaxConcurrency)`,
  );
}
