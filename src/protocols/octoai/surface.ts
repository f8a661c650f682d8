import { randomUUID } from 'node:crypto';
import type { Desk, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import { isEnded, type Job, type JobState } from '../../core/job.ts';
import type { Surface, SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { orderOf } from '../job-order.ts';
import { askAsItCame, replyOf } from '../pass-on.ts';
import { jsonReply } from '../surface-json.ts';
import { plainDialect, route } from '../surface-route.ts';

const dialect = plainDialect('octoai', ({ message }) => ({ message }));

const statusByState: Readonly<Record<JobState, string>> = {
  queued: 'pending',
  running: 'running',
  streaming: 'running',
  succeeded: 'completed',
  failed: 'error',
  canceled: 'error',
  expired: 'error',
  timed_out: 'error',
};

/**
 * What OctoAI's endpoints had until they ended in 2024: `/{model}/infer`, and with `X-OctoAI-Async: 1` an id to poll with. For
 * clients that are still written for it.
 */
export const octoai: Surface = {
  name: 'octoai',
  dialect,
  hasJobs: true,
  routes: () => [
    route('POST', '/:model/infer', (request, desk) =>
      infer(request, desk, desk.model(request.params.model ?? '')),
    ),
    route('GET', '/v1/requests/:id', async (request, desk) => {
      const job = await find(request, desk);
      return jsonReply(200, { id: job.id, status: statusByState[job.state] });
    }),
    route('GET', '/v1/responses/:id', async (request, desk) => {
      const job = await find(request, desk);
      if (job.result !== null && isEnded(job.state)) {
        const { status, contentType } = job.result;
        return { status, headers: { 'content-type': contentType }, body: desk.jobs.read(job, 'output') };
      }
      const message = job.error?.message ?? `request ${job.id} is ${statusByState[job.state]}`;
      throw new PilotlightError(isEnded(job.state) ? 'backend_error' : 'job_conflict', message);
    }),
  ],
};

async function infer(request: SurfaceRequest, desk: Desk, model: DeskModel): Promise<SurfaceReply> {
  const { headers, body, baseUrl, caller } = request;
  if (headers['x-octoai-async'] !== '1') {
    return replyOf(await askAsItCame(request, desk, { model: model.name, path: null, patienceMs: null }));
  }
  const id = randomUUID();
  const contentType = headers['content-type'] ?? 'application/json';
  const invocation = {
    path: null,
    method: 'POST',
    contentType,
    headers: {},
    content: { body },
    isStream: false,
    id,
  };
  const { job } = await desk.jobs.create(orderOf({ surface: 'octoai', model, invocation, request }), caller);
  return jsonReply(202, { response_id: job.id, poll_url: `${baseUrl}/v1/requests/${job.id}` });
}

async function find({ params, caller }: SurfaceRequest, desk: Desk): Promise<Job> {
  const { id = '' } = params;
  const job = await desk.jobs.get(id, caller);
  if (job?.surface === 'octoai') return job;
  throw new PilotlightError('job_not_found', `no request ${JSON.stringify(id)} is kept`);
}
