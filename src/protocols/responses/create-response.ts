import { randomBytes } from 'node:crypto';
import type { Desk } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Job } from '../../core/job.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { Caller, SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { metadataOf } from '../batch/batch-order.ts';
import { orderOf } from '../job-order.ts';
import { Fields, jsonReply, readJsonObject } from '../surface-json.ts';
import { responsesPath } from './chat-call.ts';
import { followed } from './follow-response.ts';
import { askNow } from './foreground.ts';
import { metaOf, type ResponseMeta, requestOf, storedResponse } from './stored-response.ts';

/** POST /v1/responses: in the background as a job, else at once. */
export async function createResponse(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const body = readJsonObject(request.body);
  const fields = new Fields(body);
  const model = fields.text('model');
  if (model === null || model === '') {
    throw new PilotlightError('model_required', 'model is required: the name of one of the models');
  }
  if (fields.boolean('background') !== true) return askNow(request, desk, model);
  if (fields.boolean('store') === false) {
    const message = 'a background response is kept until it is asked for: store may not be false';
    throw new PilotlightError('bad_request', message, { param: 'store' });
  }
  metadataOf(fields.object('metadata'));
  if (fields.object('conversation') !== null || typeof body.conversation === 'string') {
    throw new PilotlightError('not_emulated', 'conversations are not kept here', { param: 'conversation' });
  }
  const job = await makeJob(body, request, desk);
  if (fields.boolean('stream') === true) return followed({ job, desk, caller: request.caller, after: null });
  return jsonReply(200, await storedResponse(job, desk.jobs));
}

async function makeJob(body: JsonObject, request: SurfaceRequest, desk: Desk): Promise<Job> {
  const { caller } = request;
  const { background: _, previous_response_id: previous = null, ...rest } = body;
  const earlier = previous === null ? [] : await earlierItems(previous, desk, caller);
  const input = earlier.length === 0 ? (body.input ?? []) : [...earlier, ...itemsOf(body.input)];
  const isStream = body.stream === true;
  const model = desk.model(String(body.model));
  const meta: ResponseMeta = {
    previousResponseId: previous === null ? null : String(previous),
    earlierItems: earlier.length,
    model: String(body.model),
  };
  const id = `resp_${randomBytes(24).toString('hex')}`;
  const sent = { ...rest, input, stream: isStream, store: false };
  const invocation = {
    path: responsesPath,
    method: 'POST',
    contentType: 'application/json',
    headers: {},
    content: { body: Buffer.from(JSON.stringify(sent)) },
    isStream,
    id,
  };
  const order = orderOf({ surface: 'responses', model, invocation, request });
  const { job } = await desk.jobs.create({ ...order, meta: { ...meta } }, caller);
  return job;
}

/** What was said in the response before and in those before it: their requests hold it, and its answer. */
async function earlierItems(previous: JsonValue, desk: Desk, caller: Caller): Promise<readonly JsonValue[]> {
  const job = await responseJob(String(previous), desk, caller, 'previous_response_id');
  if (job.state !== 'succeeded') {
    const message = `the response ${job.id} is ${job.state}: only one that is completed can be followed by another`;
    throw new PilotlightError('bad_request', message, { param: 'previous_response_id' });
  }
  const { output } = await storedResponse(job, desk.jobs);
  return [...itemsOf((await requestOf(job, desk.jobs)).input), ...itemsOf(output)];
}

/** Input in the form of items. */
function itemsOf(input: JsonValue | undefined): readonly JsonValue[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }];
  return Array.isArray(input) ? input : [];
}

/** The job of a background response. Rejects with job_not_found. */
export async function responseJob(id: string, desk: Desk, caller: Caller, param = 'id'): Promise<Job> {
  const job = await desk.jobs.get(id, caller);
  if (job !== null && job.surface === 'responses') return job;
  throw new PilotlightError('job_not_found', `Response with id '${id}' not found.`, { param });
}

/** GET /v1/responses/{id}/input_items: what the request itself said, the newest first unless asked otherwise. */
export async function inputItems(job: Job, query: URLSearchParams, desk: Desk): Promise<SurfaceReply> {
  const all = itemsOf((await requestOf(job, desk.jobs)).input).slice(metaOf(job).earlierItems);
  const items = all.map((item, index) => ({
    id: `msg_${job.id.replace(/^resp_/, '')}_in_${index}`,
    ...(item as JsonObject),
  }));
  if (query.get('order') !== 'asc') items.reverse();
  const after = query.get('after');
  const start = after === null ? 0 : items.findIndex(({ id }) => id === after) + 1;
  const limit = Math.min(100, Math.max(1, Number(query.get('limit') ?? 20) || 20));
  const page = items.slice(start, start + limit);
  return jsonReply(200, {
    object: 'list',
    data: page,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: start + limit < items.length,
  });
}
