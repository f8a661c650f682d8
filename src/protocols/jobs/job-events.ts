import type { Desk } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Job } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { Caller, SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { sseEvent, sseHeaders } from '../surface-json.ts';

/** How often a comment goes out while a job is under way, or a proxy would take the connection for dead. */
const commentMs = 15_000;

interface Following {
  readonly id: string;
  readonly after: number;
  readonly caller: Caller;
}

/** Events of a job as they come, in SSE, from behind `Last-Event-ID` (or `?after=`) on. Rejects with bad_request, events_gone. */
export async function eventsReply(request: SurfaceRequest, desk: Desk, { id }: Job): Promise<SurfaceReply> {
  const { headers, query, caller } = request;
  const after = Number(headers['last-event-id'] ?? query.get('after') ?? 0);
  if (!Number.isSafeInteger(after) || after < 0) {
    const message = 'Last-Event-ID (or after) is the number of an event';
    throw new PilotlightError('bad_request', message, { param: 'last-event-id' });
  }
  const from = await startOf(desk, { id, after, caller });
  return { status: 200, headers: sseHeaders, body: eventsOf(desk, { id, after: from, caller }) };
}

/** Who begins gets what is kept; who comes back is told where there is a gap. */
async function startOf(desk: Desk, { id, after, caller }: Following): Promise<number> {
  const [oldest] = await desk.jobs.events(id, after, 1, caller);
  if (oldest === undefined || oldest.seq === after + 1) return after;
  if (after === 0) return oldest.seq - 1;
  const message = `events ${after + 1} to ${oldest.seq - 1} of job ${JSON.stringify(id)} are not kept any more`;
  throw new PilotlightError('events_gone', message);
}

async function* eventsOf(desk: Desk, { id, after, caller }: Following): AsyncIterable<string> {
  const events = desk.jobs.follow(id, after, caller)[Symbol.asyncIterator]();
  try {
    let next = events.next();
    // One wait at a time, however many events come meanwhile.
    let pause: Promise<boolean> | null = pauseOf(desk, id, caller);
    for (;;) {
      const isPause = pause !== null && (await Promise.race([pause, next.then(() => null)]));
      if (isPause === true) {
        yield ': the job is under way\n\n';
        pause = pauseOf(desk, id, caller);
        continue;
      }
      if (isPause === false) pause = null;
      const { done, value } = await next;
      if (done === true) return;
      yield sseEvent({ event: value.type, id: String(value.seq), data: value.data });
      next = events.next();
    }
  } finally {
    await events.return?.();
  }
}

/** Resolves after a while; false: there are to be no more comments, for the job has ended or its follower has left. */
function pauseOf(desk: Desk, id: string, caller: Caller): Promise<boolean> {
  return desk.jobs.wait(id, commentMs, caller).then(
    (job) => job !== null && !isEnded(job.state) && !caller.signal.aborted,
    () => false,
  );
}
