import type { Desk } from '../../core/desk.ts';
import type { Job } from '../../core/job.ts';
import type { Caller, SurfaceReply } from '../../core/surface.ts';
import { sseHeaders } from '../surface-json.ts';
import { responseEvents } from './response-events.ts';
import { askedOf } from './stored-response.ts';

/** Who follows which response, from where on. */
export interface Following {
  readonly job: Job;
  readonly desk: Desk;
  readonly caller: Caller;
  /** Number of the last event that the client has; null: it has none. */
  readonly after: number | null;
}

/** The events of a response, as they come. */
export async function followed({ job, desk, caller, after }: Following): Promise<SurfaceReply> {
  const asked = await askedOf(job, desk.jobs);
  const body = responseEvents({
    job,
    asked,
    after,
    events: desk.jobs.follow(job.id, after ?? 0, caller),
    atEnd: () => desk.jobs.get(job.id, caller),
  });
  return { status: 200, headers: sseHeaders, body };
}
