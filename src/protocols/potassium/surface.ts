import { randomUUID } from 'node:crypto';
import type { Desk, DeskModel } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Surface, SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { orderOf } from '../job-order.ts';
import { askAsItCame, replyOf } from '../pass-on.ts';
import { jsonReply } from '../surface-json.ts';
import { plainDialect, route } from '../surface-route.ts';

const dialect = plainDialect('potassium', ({ message }) => ({ error: message }));

/**
 * What servers of Banana's Potassium (https://github.com/bananaml/potassium) answer, a model in place of each server: its handler
 * under its name, the same in the background, warm-up and status.
 */
export const potassium: Surface = {
  name: 'potassium',
  dialect,
  hasJobs: true,
  routes: () => [
    route('POST', '/:model', async (request, desk) => {
      const { name: model } = modelOf(request, desk);
      return replyOf(await askAsItCame(request, desk, { model, path: null, patienceMs: null }));
    }),
    route('POST', '/:model/background', background),
    route('POST', '/:model/_k/warmup', async (request, desk) => {
      const refusal = modelOf(request, desk).wake();
      if (refusal !== null) throw refusal;
      return jsonReply(200, { warm: true });
    }),
    route('GET', '/:model/_k/status', async (request, desk) => {
      const { readyReplicas, inFlight, waiting, maxConcurrency } = modelOf(request, desk);
      const isFree = waiting === 0 && (maxConcurrency === null || inFlight < maxConcurrency);
      return jsonReply(200, { gpu_available: readyReplicas > 0 && isFree });
    }),
  ],
};

function modelOf({ params }: SurfaceRequest, desk: Desk): DeskModel {
  return desk.model(params.model ?? '');
}

/** Runs it as a job, whose result Potassium's clients never ask for; who wants it asks the surface `jobs` by the id. */
async function background(request: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const model = modelOf(request, desk);
  const { headers, body, caller } = request;
  const contentType = headers['content-type'] ?? 'application/json';
  if (!/^application\/json\b/i.test(contentType)) {
    throw new PilotlightError('invalid_body', 'the body of a handler is JSON', { param: 'content-type' });
  }
  const id = randomUUID();
  const invocation = {
    path: null,
    method: 'POST',
    contentType,
    headers: {},
    content: { body },
    isStream: false,
    id,
  };
  const { job } = await desk.jobs.create(
    orderOf({ surface: 'potassium', model, invocation, request }),
    caller,
  );
  return jsonReply(200, { started: true }, { 'x-pilotlight-job': job.id });
}
