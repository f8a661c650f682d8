import { randomUUID } from 'node:crypto';
import type { Desk, JobOrder } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import { isEnded, type Job } from '../../core/job.ts';
import type { SurfaceOptions, SurfaceReply, SurfaceRequest, SurfaceRoute } from '../../core/surface.ts';
import { orderOf } from '../job-order.ts';
import { invocationAsItCame, pickFields } from '../pass-on.ts';
import { jsonReply } from '../surface-json.ts';
import { endpointOf, onward } from './endpoint.ts';
import { withAccept } from './invoke.ts';

/** https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html */
const platform = {
  maxBodyBytes: 128_000,
  ttlSeconds: { least: 60, most: 21_600, usual: 21_600 },
  timeoutSeconds: { least: 1, most: 3_600, usual: 900 },
} as const;

/** Where an answer is to be put, which has no meaning without S3. */
const refused = ['x-amzn-sagemaker-s3outputpathextension', 'x-amzn-sagemaker-filename'];

/** InvokeEndpointAsync, and the two places at which what came of it is asked for. */
export function asyncRoutes(options: SurfaceOptions): readonly SurfaceRoute[] {
  return [
    {
      methods: ['POST'],
      path: '/endpoints/:endpoint/async-invocations',
      maxBodyBytes: options.limits === 'original' ? platform.maxBodyBytes : null,
      handle: (request, desk) => create(withAccept(request), desk, options),
    },
    { methods: ['GET'], path: '/async-inferences/:id/output', maxBodyBytes: null, handle: output },
    { methods: ['GET'], path: '/async-inferences/:id/failure', maxBodyBytes: null, handle: failure },
  ];
}

async function create(request: SurfaceRequest, desk: Desk, options: SurfaceOptions): Promise<SurfaceReply> {
  const { job } = await desk.jobs.create(asyncOrder(request, desk, options), request.caller);
  const at = `${request.baseUrl}/async-inferences/${job.id}`;
  return jsonReply(
    202,
    { InferenceId: job.meta.inferenceId ?? job.id },
    {
      'x-amzn-sagemaker-outputlocation': `${at}/output`,
      'x-amzn-sagemaker-failurelocation': `${at}/failure`,
    },
  );
}

/** The job that an asynchronous invocation is. Throws bad_request, invalid_body, not_emulated, model_not_found. */
function asyncOrder(request: SurfaceRequest, desk: Desk, options: SurfaceOptions): JobOrder {
  const { headers, body } = request;
  const model = endpointOf(request, desk);
  refuseStorage(headers);
  if (body.length === 0) throw new PilotlightError('bad_request', 'the body is empty: it is the input');
  const contentType = headers['x-amzn-sagemaker-content-type'] ?? headers['content-type'] ?? '';
  const invocation = {
    ...invocationAsItCame(request, { path: null, headers: pickFields(headers, onward), isStream: false }),
    contentType,
    id: randomUUID(),
  };
  const order = orderOf({ surface: 'sagemaker', model, invocation, request });
  const inferenceId = headers['x-amzn-sagemaker-inference-id'];
  return {
    ...order,
    limits: limitsOf(headers, options),
    // The same for all tries of one call of an AWS SDK.
    idempotencyKey: order.idempotencyKey ?? headers['amz-sdk-invocation-id'] ?? null,
    meta: inferenceId === undefined ? {} : { inferenceId },
  };
}

function refuseStorage(headers: SurfaceRequest['headers']): void {
  const location = headers['x-amzn-sagemaker-inputlocation'];
  if (location !== undefined) {
    const message = `InputLocation is not served, neither s3:// nor https://: send the input as the body`;
    throw new PilotlightError('not_emulated', message, { param: 'InputLocation' });
  }
  for (const field of refused) {
    if (headers[field] === undefined) continue;
    const message = `${field} is not served: answers are kept by this gateway, not written to S3`;
    throw new PilotlightError('not_emulated', message, { param: field });
  }
}

/** Without a word of the client the configuration's defaults hold, or the platform's. */
function limitsOf(headers: SurfaceRequest['headers'], { limits }: SurfaceOptions): JobOrder['limits'] {
  const isOriginal = limits === 'original';
  const ttlMs = msOf(headers, 'x-amzn-sagemaker-requestttlseconds', platform.ttlSeconds, isOriginal);
  const runMs = msOf(
    headers,
    'x-amzn-sagemaker-invocationtimeoutseconds',
    platform.timeoutSeconds,
    isOriginal,
  );
  return { ...(ttlMs === null ? {} : { beginInMs: ttlMs }), ...(runMs === null ? {} : { runMs }) };
}

function msOf(
  headers: SurfaceRequest['headers'],
  field: string,
  { least, most, usual }: { readonly least: number; readonly most: number; readonly usual: number },
  isOriginal: boolean,
): number | null {
  const text = headers[field];
  if (text === undefined) return isOriginal ? usual * 1_000 : null;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || (isOriginal && (seconds < least || seconds > most))) {
    const bounds = isOriginal ? `from ${least} to ${most}` : 'at least 1';
    throw new PilotlightError('bad_request', `${field} must be ${bounds} (s)`, { param: field });
  }
  return seconds * 1_000;
}

async function output(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const job = await find(request, desk);
  if (job.state !== 'succeeded' || job.result === null) throw notThere(job);
  return answered(job, desk, 200);
}

async function failure(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const job = await find(request, desk);
  if (!isEnded(job.state) || job.state === 'succeeded') throw notThere(job);
  if (job.result !== null) return answered(job, desk, 200);
  const message = job.error?.message ?? `the inference ended as ${job.state}`;
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: message };
}

function answered(job: Job, desk: Desk, status: number): SurfaceReply {
  const { contentType = 'application/octet-stream', headers = {} } = job.result ?? {};
  const passed = pickFields(headers, ['x-amzn-sagemaker-custom-attributes', 'content-encoding']);
  return { status, headers: { ...passed, 'content-type': contentType }, body: desk.jobs.read(job, 'output') };
}

async function find({ params, caller }: SurfaceRequest, desk: Desk): Promise<Job> {
  const { id = '' } = params;
  const job = await desk.jobs.get(id, caller);
  if (job?.surface === 'sagemaker') return job;
  throw new PilotlightError('job_not_found', `no inference ${JSON.stringify(id)} is kept`);
}

/** As S3 says it of an object that is not written yet, which is how its clients wait for one. */
function notThere(job: Job): PilotlightError {
  return new PilotlightError('job_not_found', `nothing is there yet: the inference is ${job.state}`);
}
