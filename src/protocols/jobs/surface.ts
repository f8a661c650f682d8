import type { Desk } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Job, JobState } from '../../core/job.ts';
import { endStates, isEnded } from '../../core/job.ts';
import type { Surface, SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { openaiDialect } from '../dialects.ts';
import { jsonReply } from '../surface-json.ts';
import { route } from '../surface-route.ts';
import { handOverRoutes } from './hand-over.ts';
import { renderDelivery } from './job-delivery.ts';
import { eventsReply } from './job-events.ts';
import { checkOwnId, keptId, newJobId } from './job-ids.ts';
import { orderOfBody } from './job-order.ts';
import { accepted, answerOf, shown } from './job-reply.ts';
import { renderJob } from './job-view.ts';
import { preferencesOf } from './prefer.ts';

const states: readonly JobState[] = ['queued', 'running', 'streaming', ...endStates];
const pageSizes = { default: 20, most: 100 };

/**
 * Pilotlight's own API of jobs: any request of OpenAI's or Anthropic's API becomes one by `Prefer: respond-async`, any model is
 * asked by POST /v1/jobs.
 */
export const jobs: Surface = {
  name: 'jobs',
  dialect: openaiDialect,
  hasJobs: true,
  routes: ({ isBesideOpenai }) => [
    ...handOverRoutes(isBesideOpenai),
    route('POST', '/v1/jobs', create),
    route('GET', '/v1/jobs', list),
    route('PUT', '/v1/jobs/:id', put),
    route('GET', '/v1/jobs/:id', async (request, desk) => shown(await awaited(request, desk), request, desk)),
    route('DELETE', '/v1/jobs/:id', remove),
    route('POST', '/v1/jobs/:id/cancel', async (request, desk) => {
      const { id } = await found(request, desk);
      return shown((await desk.jobs.cancel(id, request.caller)) ?? missing(request), request, desk);
    }),
    route('POST', '/v1/jobs/:id/retry', async (request, desk) => {
      const { id } = await found(request, desk);
      return shown((await desk.jobs.retry(id, request.caller)) ?? missing(request), request, desk, 202);
    }),
    route('GET', '/v1/jobs/:id/result', async (request, desk) => {
      const job = await awaited(request, desk);
      return isEnded(job.state) ? answerOf(job, desk) : shown(job, request, desk, 202);
    }),
    route('GET', '/v1/jobs/:id/events', async (request, desk) =>
      eventsReply(request, desk, await found(request, desk)),
    ),
    route('GET', '/v1/webhooks/secret', async ({ caller }, desk) =>
      jsonReply(200, { secret: await desk.jobs.webhookSecret(caller) }),
    ),
    route('POST', '/v1/webhooks/secret/rotate', async ({ caller }, desk) =>
      jsonReply(200, { secret: await desk.jobs.rotateWebhookSecret(caller) }),
    ),
  ],
  renderDelivery,
};

async function create(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const order = orderOfBody(request, desk, { id: newJobId(), ownId: null });
  const { job } = await desk.jobs.create(order, request.caller);
  return accepted(job, request, desk);
}

/** The same order under the same id is the same job, however often it is put. */
async function put(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const { id: ownId = '' } = request.params;
  checkOwnId(ownId);
  const id = keptId(ownId, request.caller);
  const order = { ...orderOfBody(request, desk, { id, ownId }), idempotencyKey: id };
  const { job, isNew } = await desk.jobs.create(order, request.caller);
  return isNew ? accepted(job, request, desk) : shown(job, request, desk);
}

async function list(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const { query, caller, baseUrl } = request;
  const limit = Number(query.get('limit') ?? pageSizes.default);
  if (!Number.isInteger(limit) || limit < 1 || limit > pageSizes.most)
    throw new PilotlightError('bad_request', `limit must be from 1 to ${pageSizes.most}`, { param: 'limit' });
  const [model, before, status] = ['model', 'after', 'status'].map((name) => query.get(name));
  const wanted = status?.split(',') ?? [];
  const unknown = wanted.find((state) => !states.includes(state as JobState));
  if (unknown !== undefined) {
    const message = `status must be out of ${states.join(', ')}`;
    throw new PilotlightError('bad_request', message, { param: 'status' });
  }
  const page = await desk.jobs.list(
    {
      surface: 'jobs',
      limit,
      ...(model == null ? {} : { model: desk.model(model).name }),
      ...(before == null ? {} : { before }),
      ...(wanted.length === 0 ? {} : { states: wanted as JobState[] }),
    },
    caller,
  );
  const data = page.jobs.map((job) => renderJob(job, baseUrl));
  return jsonReply(200, { object: 'list', data, has_more: page.next !== null, next: page.next });
}

async function remove(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const { id } = await found(request, desk);
  if (!(await desk.jobs.remove(id, request.caller))) missing(request);
  return { status: 204, headers: {}, body: null };
}

/** The job of the path; with `Prefer: wait=N` once it has ended, or as it stands after N seconds. */
async function awaited(request: SurfaceRequest, desk: Desk): Promise<Job> {
  const job = await found(request, desk);
  const { waitMs } = preferencesOf(request.headers.prefer);
  if (waitMs === null || waitMs === 0 || isEnded(job.state)) return job;
  return (await desk.jobs.wait(job.id, waitMs, request.caller)) ?? missing(request);
}

async function found(request: SurfaceRequest, desk: Desk): Promise<Job> {
  const { caller, params } = request;
  const job = await desk.jobs.get(keptId(params.id ?? '', caller), caller);
  return job?.surface === 'jobs' ? job : missing(request);
}

function missing({ params }: SurfaceRequest): never {
  throw new PilotlightError('job_not_found', `no job ${JSON.stringify(params.id)} is kept`);
}
