import { timingSafeEqual } from 'node:crypto';
import type { Contract } from '../../core/contract.ts';
import type { Desk } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Job } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { Caller, DeliveredJob, Surface, SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { contractOf } from '../contracts/contracts.ts';
import { readWhole } from '../read-whole.ts';
import { jsonReply, readJsonObject, sseHeaders } from '../surface-json.ts';
import { route } from '../surface-route.ts';
import { replicateDialect } from './dialect.ts';
import { metaOf, type PredictionParts, renderPrediction } from './prediction.ts';
import { modelOf, type Named, orderOf, versionOf, waitOf } from './prediction-request.ts';
import { streamOf } from './prediction-stream.ts';

const pageSize = 100;
/** Of a run that is under way, for its output so far. */
const shownEvents = 1_024;

/**
 * Replicate's HTTP API (https://replicate.com/docs/reference/http): predictions on versions, models and deployments. A model
 * of the configuration stands for each of the three.
 */
export const replicate: Surface = {
  name: 'replicate',
  dialect: replicateDialect,
  hasJobs: true,
  routes: () => [
    route('POST', '/v1/predictions', (request, desk) => {
      const body = readJsonObject(request.body);
      const version = typeof body.version === 'string' ? body.version : '';
      return create(request, desk, { named: versionOf(desk, version), body });
    }),
    route('POST', '/v1/models/:owner/:name/predictions', (request, desk) => {
      const { owner = '', name = '' } = request.params;
      const meta = { model: `${owner}/${name}`, version: 'hidden', deployment: null };
      const named = { model: modelOf(desk, owner, name), meta };
      return create(request, desk, { named, body: readJsonObject(request.body) });
    }),
    route('POST', '/v1/deployments/:owner/:name/predictions', (request, desk) => {
      const { owner = '', name = '' } = request.params;
      const whole = `${owner}/${name}`;
      const named = {
        model: modelOf(desk, owner, name),
        meta: { model: whole, version: 'hidden', deployment: whole },
      };
      return create(request, desk, { named, body: readJsonObject(request.body) });
    }),
    route('GET', '/v1/predictions', list),
    route('GET', '/v1/predictions/:id', async (request, desk) => {
      const { id = '' } = request.params;
      return jsonReply(200, await show(found(await desk.jobs.get(id, request.caller), id), request, desk));
    }),
    route('POST', '/v1/predictions/:id/cancel', async (request, desk) => {
      const { id = '' } = request.params;
      await desk.jobs.cancel(id, request.caller);
      const job = await desk.jobs.get(id, request.caller);
      return jsonReply(200, await show(found(job, id), request, desk));
    }),
    { ...route('GET', '/v1/streams/:id/:secret', stream), isOpen: true },
    route('GET', '/v1/webhooks/default/secret', async ({ caller }, desk) =>
      jsonReply(200, { key: await desk.jobs.webhookSecret(caller) }),
    ),
    route('GET', '/v1/account', async ({ caller }) => {
      const username = caller.tenant === '' ? 'pilotlight' : caller.tenant;
      return jsonReply(200, { type: 'organization', username, name: username });
    }),
    ...absent.map((path) => ({ ...route('GET', path, refuse), methods: ['GET', 'POST', 'DELETE', 'PATCH'] })),
  ],
  renderDelivery,
};

/** What serving here would pretend: a shop of models, machines to choose, a training service, a file host. */
const absent = [
  '/v1/trainings',
  '/v1/trainings/*',
  '/v1/files',
  '/v1/files/*',
  '/v1/collections',
  '/v1/hardware',
];

async function refuse({ path }: SurfaceRequest): Promise<SurfaceReply> {
  const message = `${path} is not served: predictions on the models of this gateway are; files go into input as data: URLs`;
  throw new PilotlightError('not_emulated', message);
}

function found(job: Job | null, id: string): Job {
  if (job !== null && job.surface === 'replicate') return job;
  throw new PilotlightError('job_not_found', `no prediction ${JSON.stringify(id)} is kept`);
}

/** 201; with Prefer: wait, and not ended within it, 202. */
async function create(
  request: SurfaceRequest,
  desk: Desk,
  { named, body }: { readonly named: Named; readonly body: JsonObject },
): Promise<SurfaceReply> {
  const waitMs = waitOf(request.headers.prefer);
  const { job } = await desk.jobs.create(orderOf(request, named, body), request.caller);
  const seen = waitMs === null ? job : await desk.jobs.wait(job.id, waitMs, request.caller);
  const now = found(seen, job.id);
  const status = waitMs === null || isEnded(now.state) ? 201 : 202;
  return jsonReply(
    status,
    await show(now, request, desk),
    waitMs === null ? {} : { 'preference-applied': 'wait' },
  );
}

async function list(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const cursor = request.query.get('cursor');
  const page = await desk.jobs.list(
    { surface: 'replicate', limit: pageSize, ...(cursor === null ? {} : { before: cursor }) },
    request.caller,
  );
  const results: JsonObject[] = [];
  for (const job of page.jobs) results.push(await show(job, request, desk));
  const next =
    page.next === null
      ? null
      : `${request.baseUrl}/v1/predictions?${new URLSearchParams({ cursor: page.next }).toString()}`;
  return jsonReply(200, { previous: null, next, results });
}

async function show(job: Job, request: SurfaceRequest, desk: Desk): Promise<JsonObject> {
  const input = JSON.parse(textOf(await readWhole(desk.jobs.read(job, 'input')))) as JsonValue;
  const answer = job.result === null ? null : await readWhole(desk.jobs.read(job, 'output'));
  const events = answer === null ? await desk.jobs.events(job.id, 0, shownEvents, request.caller) : [];
  const contract = contractFor(job, desk);
  return renderPrediction({ job, contract, input, answer, events, baseUrl: request.baseUrl });
}

/** A prediction is shown for as long as it is kept, also when its model is not configured any more. */
function contractFor(job: Job, desk: Desk): Contract {
  return desk.models().find(({ name }) => name === job.model)?.contract ?? contractOf('openai');
}

async function stream(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const { id = '', secret = '' } = request.params;
  const job = await desk.jobs.find(id);
  if (job === null || job.surface !== 'replicate' || !isSame(metaOf(job).streamSecret, secret)) {
    throw new PilotlightError('job_not_found', 'no such stream');
  }
  const caller: Caller = { ...request.caller, tenant: job.tenant };
  const after = Number(request.headers['last-event-id'] ?? 0);
  const contract = contractFor(job, desk);
  const follow = desk.jobs.follow(id, Number.isSafeInteger(after) && after > 0 ? after : 0, caller);
  const body = streamOf(follow, {
    contract,
    end: async () => {
      const ended = await desk.jobs.find(id);
      const answer = ended?.result == null ? null : await readWhole(desk.jobs.read(ended, 'output'));
      return { job: ended, answer };
    },
  });
  return { status: 200, headers: sseHeaders, body };
}

function isSame(known: string, given: string): boolean {
  const [a, b] = [Buffer.from(known), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function renderDelivery({ job, contract, input, output, events }: DeliveredJob): string {
  const parts: PredictionParts = {
    job,
    contract,
    input: input === null ? null : (JSON.parse(textOf(input)) as JsonValue),
    answer: output,
    events,
    baseUrl: metaOf(job).baseUrl,
  };
  return JSON.stringify(renderPrediction(parts));
}

function textOf(bytes: Buffer): string {
  return bytes.toString('utf8');
}
