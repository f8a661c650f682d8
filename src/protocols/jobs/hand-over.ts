import { clientDeadlineMs } from '../../core/client-deadline.ts';
import type { Desk, JobOrder } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Job } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { ProtocolRoute } from '../../core/protocol.ts';
import type { SurfaceReply, SurfaceRequest, SurfaceRoute } from '../../core/surface.ts';
import { anthropic } from '../anthropic.ts';
import { openai } from '../openai.ts';
import { replyOf } from '../pass-on.ts';
import { orderOfRequest } from './job-order.ts';
import { accepted, answerOf } from './job-reply.ts';
import { preferencesOf } from './prefer.ts';

/**
 * The routes of OpenAI's and Anthropic's APIs, for requests that say `Prefer: respond-async`. Beside OpenAI's own (`isBeside`) they
 * take those alone; under a prefix, where nobody else serves them, all.
 */
export function handOverRoutes(isBeside: boolean): readonly SurfaceRoute[] {
  return [...openai.routes, ...anthropic.routes]
    .filter(({ isWebSocket, methods }) => isWebSocket !== true && methods.includes('POST'))
    .map((route) => ({
      methods: ['POST'],
      path: route.path,
      dialect: route.dialect,
      maxBodyBytes: null,
      ...(isBeside ? { takes: (headers) => preferencesOf(headers.prefer).isAsync } : {}),
      handle: (request, desk) => handle(request, desk, route),
    }));
}

/**
 * | the client says                                     | it gets                                                           |
 * |-----------------------------------------------------|-------------------------------------------------------------------|
 * | respond-async                                       | 202 at once                                                       |
 * | respond-async, wait=N                               | the answer if the job has ended within N s, else 202              |
 * | respond-async and for how long it waits, or a       | the answer as ever if it has a slot in time, else 202             |
 * |   stream with wait=N                                |                                                                   |
 * | the same with an idempotency key or a webhook       | a job in any case, which is waited for; of a stream 202 at once   |
 * | nothing (under a prefix)                            | the answer as ever                                                |
 */
async function handle(request: SurfaceRequest, desk: Desk, route: ProtocolRoute): Promise<SurfaceReply> {
  const order = orderOfRequest(request, desk, route);
  const { isAsync, waitMs } = preferencesOf(request.headers.prefer);
  if (!isAsync) return live(request, desk, { order, patienceMs: null });
  const { isStream } = order.invocation;
  const timeMs = waitMs ?? inTime(clientDeadlineMs(request.headers));
  // Held, it would be run again by a second try with its key, and nobody would be told of it.
  const mustBeJob = order.idempotencyKey !== null || order.webhook !== null;
  const isHeld = !mustBeJob && timeMs > 0 && (waitMs === null || isStream);
  if (isHeld) return hold(request, desk, { order, patienceMs: timeMs });
  return keep(request, desk, { order, waitMs: isStream ? 0 : timeMs });
}

interface Held {
  readonly order: JobOrder;
  readonly patienceMs: number | null;
}

/** Why a request is handed over: there is no slot for it in time. Whatever else is wrong a job could not mend. */
const late: ReadonlySet<string> = new Set(['queue_timeout', 'would_not_make_it', 'cold', 'queue_full']);

/** As a live request; as a job where it does not get a slot in time. */
async function hold(request: SurfaceRequest, desk: Desk, held: Held): Promise<SurfaceReply> {
  try {
    return await live(request, desk, held);
  } catch (error) {
    if (!(error instanceof PilotlightError && late.has(error.code))) throw error;
    return keep(request, desk, { order: held.order, waitMs: 0 });
  }
}

async function live(
  { caller }: SurfaceRequest,
  desk: Desk,
  { order, patienceMs }: Held,
): Promise<SurfaceReply> {
  const { model, invocation } = order;
  const priority = classOf[order.priority];
  return replyOf(await desk.ask({ model, invocation, caller, patienceMs, priority }));
}

const classOf = { high: 0, normal: 1, low: 2 } as const;

/** As a job: its answer where it ends within `waitMs`, else 202. */
async function keep(
  request: SurfaceRequest,
  desk: Desk,
  { order, waitMs }: { readonly order: JobOrder; readonly waitMs: number },
): Promise<SurfaceReply> {
  const { job } = await desk.jobs.create(order, request.caller);
  if (waitMs === 0) return accepted(job, request, desk);
  const seen: Job = (await desk.jobs.wait(job.id, waitMs, request.caller)) ?? job;
  return isEnded(seen.state) ? answerOf(seen, desk) : accepted(seen, request, desk);
}

/** The 202 must be there before the client goes: a tenth earlier, at most a second. 0: it said nothing. */
function inTime(deadlineMs: number): number {
  return deadlineMs - Math.min(1_000, deadlineMs / 10);
}
