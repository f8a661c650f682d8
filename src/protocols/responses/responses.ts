import type { Desk } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Surface, SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { responsesDialect } from '../dialects.ts';
import { jsonReply } from '../surface-json.ts';
import { createResponse, inputItems, responseJob } from './create-response.ts';
import { followed } from './follow-response.ts';
import { storedResponse } from './stored-response.ts';

const path = '/v1/responses';
const whole = { maxBodyBytes: null };

/** OpenAI's Responses API with `background: true`. docs/protocols/responses.md says what differs. */
export const responses: Surface = {
  name: 'responses',
  dialect: responsesDialect,
  hasJobs: true,
  routes: () => [
    { ...whole, methods: ['POST'], path, handle: createResponse },
    { ...whole, methods: ['GET'], path: `${path}/:id`, handle: retrieve },
    { ...whole, methods: ['DELETE'], path: `${path}/:id`, handle: remove },
    { ...whole, methods: ['POST'], path: `${path}/:id/cancel`, handle: cancel },
    { ...whole, methods: ['GET'], path: `${path}/:id/input_items`, handle: listItems },
  ],
};

async function retrieve({ params, query, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const job = await responseJob(params.id ?? '', desk, caller);
  if (query.get('stream') !== 'true') return jsonReply(200, await storedResponse(job, desk.jobs));
  if (!job.input.isStream) {
    const message = `the response ${job.id} was not created with stream: true`;
    throw new PilotlightError('bad_request', message, { param: 'stream' });
  }
  return followed({ job, desk, caller, after: afterOf(query.get('starting_after')) });
}

function afterOf(given: string | null): number | null {
  if (given === null) return null;
  if (/^\d{1,15}$/.test(given)) return Number(given);
  const message = 'starting_after must be the sequence_number of an event';
  throw new PilotlightError('bad_request', message, { param: 'starting_after' });
}

async function cancel({ params, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const { id } = await responseJob(params.id ?? '', desk, caller);
  const job = await desk.jobs.cancel(id, caller);
  return jsonReply(200, await storedResponse(job ?? (await responseJob(id, desk, caller)), desk.jobs));
}

async function remove({ params, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const { id } = await responseJob(params.id ?? '', desk, caller);
  await desk.jobs.remove(id, caller);
  return jsonReply(200, { id, object: 'response', deleted: true });
}

async function listItems({ params, query, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  return inputItems(await responseJob(params.id ?? '', desk, caller), query, desk);
}
