import { randomBytes } from 'node:crypto';
import type { Desk, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Job } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { Surface, SurfaceReply, SurfaceRequest, SurfaceRoute } from '../../core/surface.ts';
import { orderOf } from '../job-order.ts';
import { askAsItCame, asksForStream, openaiPath, replyOf } from '../pass-on.ts';
import { Fields, readJsonObject } from '../surface-json.ts';
import { plainDialect } from '../surface-route.ts';

/** After that long a call answers with where its result will be (https://modal.com/docs/guide/webhook-timeouts). */
const patienceMs = 150_000;
const callParameter = '__modal_function_call_id';

/** Modal's own errors are plain text in the body's `detail`, as FastAPI writes them. */
const dialect = plainDialect('modal', ({ message }) => ({ detail: message }));

/**
 * Modal's web endpoints: any call is kept, and one that takes longer than 150 s (or than `Prefer: wait=SECONDS`) answers 303 to a
 * URL that blocks until the result is there, or sends on to itself. Below the surface lie OpenAI's routes, and each model under its name.
 */
export const modal: Surface = {
  name: 'modal',
  dialect,
  hasJobs: true,
  routes: () => [
    ...both('/v1/*', (request, desk) => {
      const model = desk.model(new Fields(readJsonObject(request.body)).requiredText('model'));
      return { model, path: openaiPath(request.path) };
    }),
    ...both('/:model', ({ params }, desk) => ({ model: desk.model(params.model ?? ''), path: null })),
  ],
};

interface Target {
  readonly model: DeskModel;
  readonly path: string | null;
}

function both(
  path: string,
  targetOf: (request: SurfaceRequest, desk: Desk) => Target,
): readonly SurfaceRoute[] {
  const common = { path, maxBodyBytes: null };
  return [
    { ...common, methods: ['POST'], handle: (request, desk) => call(request, desk, targetOf(request, desk)) },
    { ...common, methods: ['GET'], handle: poll },
  ];
}

async function call(request: SurfaceRequest, desk: Desk, { model, path }: Target): Promise<SurfaceReply> {
  const { headers, body, caller } = request;
  const contentType = headers['content-type'] ?? 'application/json';
  if (asksForStream(contentType, body)) {
    return replyOf(await askAsItCame(request, desk, { model: model.name, path, patienceMs: null }));
  }
  const id = `fc-${randomBytes(16).toString('base64url')}`;
  const invocation = {
    path,
    method: 'POST',
    contentType,
    headers: {},
    content: { body },
    isStream: false,
    id,
  };
  const { job } = await desk.jobs.create(orderOf({ surface: 'modal', model, invocation, request }), caller);
  return result(request, desk, { id: job.id, forMs: waitOf(request.headers.prefer) });
}

async function poll(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const id = request.query.get(callParameter);
  // It blocks as long as it may: clients send the header of the call with its redirects.
  if (id !== null) return result(request, desk, { id, forMs: patienceMs });
  const message = `GET ${request.path} needs ?${callParameter}=, which the redirect of a call has; calls are POST`;
  throw new PilotlightError('bad_request', message, { param: callParameter });
}

/** The backend's answer as it was, or 303 to ask again. */
async function result(
  request: SurfaceRequest,
  desk: Desk,
  { id, forMs }: { readonly id: string; readonly forMs: number },
): Promise<SurfaceReply> {
  const job = await desk.jobs.wait(id, forMs, request.caller);
  if (job === null || job.surface !== 'modal') {
    throw new PilotlightError('job_not_found', `no call ${JSON.stringify(id)} is kept`);
  }
  if (!isEnded(job.state)) {
    const query = new URLSearchParams({ [callParameter]: id }).toString();
    const location = `${request.baseUrl}${request.path}?${query}`;
    return { status: 303, headers: { location }, body: null };
  }
  return ended(job, desk);
}

function ended(job: Job, desk: Desk): SurfaceReply {
  if (job.result !== null) {
    const { status, contentType, headers } = job.result;
    return {
      status,
      headers: { ...headers, 'content-type': contentType },
      body: desk.jobs.read(job, 'output'),
    };
  }
  const message = job.error?.message ?? `the call was ${job.state}`;
  throw new PilotlightError(job.state === 'failed' ? 'backend_error' : 'job_expired', message);
}

/** Seconds of `Prefer: wait=N`, at most Modal's own. */
function waitOf(prefer: string | undefined): number {
  const [, digits] = /(?:^|,)\s*wait=(\d+)/i.exec(prefer ?? '') ?? [];
  return digits === undefined ? patienceMs : Math.min(patienceMs, Number(digits) * 1000);
}
