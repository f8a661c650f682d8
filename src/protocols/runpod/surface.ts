import type { Desk, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Job } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import type {
  DeliveredJob,
  Surface,
  SurfaceOptions,
  SurfaceReply,
  SurfaceRequest,
  SurfaceRoute,
} from '../../core/surface.ts';
import { readWhole } from '../read-whole.ts';
import { jsonReply } from '../surface-json.ts';
import { runpodDialect } from './dialect.ts';
import { orderOf, type Way, waitOf } from './job-request.ts';
import { readStream } from './job-stream.ts';
import { renderHealth, renderJob, statusOf } from './job-view.ts';
import { openaiRoutes } from './openai-routes.ts';

const mib = 1024 * 1024;
/** How long a cancelled run is given to end before the answer says that it still runs. */
const cancelMs = 5_000;

/**
 * RunPod's endpoints that work off a queue (https://docs.runpod.io/serverless/endpoints/operation-reference): the endpoint's id
 * is the name or alias of a model.
 */
export const runpod: Surface = {
  name: 'runpod',
  dialect: runpodDialect,
  hasJobs: true,
  routes: (options) => [
    { ...at(['POST'], 'run', (...call) => run(...call, options)), ...bound(options, 10) },
    { ...at(['POST'], 'runsync', (...call) => runSync(...call, options)), ...bound(options, 20) },
    at(['GET', 'POST'], 'status/:id', async (request, desk) => {
      const { job, model } = await find(request, desk);
      return jsonReply(200, await show(job, model, desk));
    }),
    at(['GET', 'POST'], 'status-sync/:id', async (request, desk) => {
      const { job, model } = await find(request, desk);
      const now = await desk.jobs.wait(job.id, waitOf(request.query), request.caller);
      return jsonReply(200, await show(now ?? job, model, desk));
    }),
    at(['GET', 'POST'], 'stream/:id', async (request, desk) => {
      const { job, model } = await find(request, desk);
      return jsonReply(200, await readStream({ job, model, desk, caller: request.caller }));
    }),
    at(['POST'], 'cancel/:id', cancel),
    at(['POST'], 'retry/:id', retry),
    at(['POST'], 'purge-queue', async (request, desk) => {
      const { name: model } = modelOf(request, desk);
      const removed = await desk.jobs.purge({ surface: 'runpod', model }, request.caller);
      return jsonReply(200, { removed, status: 'completed' });
    }),
    at(['GET'], 'health', async (request, desk) => {
      const model = modelOf(request, desk);
      return jsonReply(200, renderHealth(model, await desk.jobs.counts({ model: model.name })));
    }),
    ...openaiRoutes(modelOf),
  ],
  renderDelivery: ({ job, contract, output }: DeliveredJob) =>
    JSON.stringify(renderJob(job, contract, output)),
};

function at(methods: readonly string[], path: string, handle: SurfaceRoute['handle']): SurfaceRoute {
  return { methods, path: `/v2/:endpoint/${path}`, maxBodyBytes: null, handle };
}

function bound({ limits }: SurfaceOptions, mebibytes: number): Pick<SurfaceRoute, 'maxBodyBytes'> {
  return { maxBodyBytes: limits === 'original' ? mebibytes * mib : null };
}

function modelOf({ params }: SurfaceRequest, desk: Desk): DeskModel {
  return desk.model(params.endpoint ?? '');
}

async function find(request: SurfaceRequest, desk: Desk): Promise<{ job: Job; model: DeskModel }> {
  const model = modelOf(request, desk);
  const { id = '' } = request.params;
  const job = await desk.jobs.get(id, request.caller);
  if (job?.surface === 'runpod' && job.model === model.name) return { job, model };
  throw new PilotlightError(
    'job_not_found',
    `no job ${JSON.stringify(id)} of ${JSON.stringify(model.name)} is kept`,
  );
}

async function run(
  request: SurfaceRequest,
  desk: Desk,
  _upload: unknown,
  options: SurfaceOptions,
): Promise<SurfaceReply> {
  const job = await create(request, desk, { ...options, way: 'async' });
  return jsonReply(200, { id: job.id, status: statusOf(job) });
}

/** Waits for the job; one that has not ended by then goes on, and is asked for by its id. */
async function runSync(
  request: SurfaceRequest,
  desk: Desk,
  _upload: unknown,
  options: SurfaceOptions,
): Promise<SurfaceReply> {
  const waitMs = waitOf(request.query);
  const job = await create(request, desk, { ...options, way: 'sync' });
  const now = await desk.jobs.wait(job.id, waitMs, request.caller);
  return jsonReply(200, await show(now ?? job, desk.model(job.model), desk));
}

async function create(
  request: SurfaceRequest,
  desk: Desk,
  options: SurfaceOptions & { way: Way },
): Promise<Job> {
  const order = orderOf(request, modelOf(request, desk), options);
  const { job } = await desk.jobs.create(order, request.caller);
  return job;
}

async function cancel(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const { job, model } = await find(request, desk);
  await desk.jobs.cancel(job.id, request.caller);
  const now = await desk.jobs.wait(job.id, cancelMs, request.caller);
  return jsonReply(200, await show(now ?? job, model, desk));
}

/** FAILED and TIMED_OUT jobs alone, as on RunPod. */
async function retry(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const { job } = await find(request, desk);
  if (!['FAILED', 'TIMED_OUT'].includes(statusOf(job))) {
    const message = `job ${job.id} is ${statusOf(job)}: only FAILED and TIMED_OUT jobs are retried`;
    throw new PilotlightError('job_conflict', message);
  }
  const again = (await desk.jobs.retry(job.id, request.caller)) ?? job;
  return jsonReply(200, { id: again.id, status: statusOf(again) });
}

async function show(job: Job, { contract }: DeskModel, desk: Desk): Promise<JsonObject> {
  const hasAnswer = isEnded(job.state) && job.result !== null;
  return renderJob(job, contract, hasAnswer ? await readWhole(desk.jobs.read(job, 'output')) : null);
}
