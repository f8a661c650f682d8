import type { Job, JobEvent } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { isJsonObject, sseEvent } from '../surface-json.ts';
import { ownFields, responseOf } from './stored-response.ts';

/** What a stream of a response is made of. */
export interface EventParts {
  /** The job as it stood when the stream began. */
  readonly job: Job;
  /** The request, as the client is to see it. */
  readonly asked: JsonObject;
  /** Events of the job after `after`. */
  readonly events: AsyncIterable<JobEvent>;
  /** Number of the last event that the client has; null: it has none. */
  readonly after: number | null;
  /** The job once it has ended, for how it did; null: it is not kept any more. */
  readonly atEnd: () => Promise<Job | null>;
}

/**
 * The events of a background response, numbered by the job's own: so whoever kept the last number can go on behind it, whatever
 * process answers. The first is `response.created` with the number 0; an attempt that broke off is followed by
 * `response.queued` with an empty output, which voids what was told before. One that is cancelled ends without another event.
 */
export async function* responseEvents(parts: EventParts): AsyncGenerator<string, void, undefined> {
  const { job, asked, after } = parts;
  const fresh = { ...job, state: 'queued' } as const;
  const blank = responseOf(fresh, asked, null);
  if (after === null) yield written('response.created', 0, { response: blank });
  let hasEnd = false;
  for await (const event of parts.events) {
    if (event.type === 'reset') yield written('response.queued', event.seq, { response: blank });
    if (event.type === 'state' && event.data === 'queued') {
      yield written('response.queued', event.seq, { response: blank });
    }
    if (event.type !== 'output') continue;
    const told = toldOf(event, blank);
    if (told === null) continue;
    hasEnd ||= isEnd(told.type);
    yield written(told.type, event.seq, told.fields);
  }
  if (hasEnd) return;
  const ended = await parts.atEnd();
  if (ended === null || ended.state === 'canceled' || ended.endedAtMs === null) return;
  if (ended.lastSeq <= (after ?? -1)) return;
  yield written('response.failed', ended.lastSeq, { response: responseOf(ended, asked, null) });
}

interface Told {
  readonly type: string;
  readonly fields: JsonObject;
}

/** An event of the backend as it is told on; null: it is none, or told already. */
function toldOf({ data }: JobEvent, blank: JsonObject): Told | null {
  const event = parse(data);
  if (event === null || typeof event.type !== 'string') return null;
  const { type, sequence_number: _, ...fields } = event;
  if (type === 'response.created' || type === 'response.queued') return null;
  const { response } = fields;
  return {
    type,
    fields: isJsonObject(response) ? { ...fields, response: renamed(response, blank) } : fields,
  };
}

function renamed(response: JsonObject, blank: JsonObject): JsonObject {
  return { ...response, ...ownFields(blank) };
}

function isEnd(type: string): boolean {
  return type === 'response.completed' || type === 'response.incomplete' || type === 'response.failed';
}

function written(type: string, sequence: number, fields: JsonObject): string {
  return sseEvent({ event: type, data: JSON.stringify({ type, sequence_number: sequence, ...fields }) });
}

function parse(data: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(data);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
