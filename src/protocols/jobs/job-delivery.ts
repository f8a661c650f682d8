import type { DeliveryEvent, JobEvent } from '../../core/job.ts';
import type { JsonValue } from '../../core/json.ts';
import type { DeliveredJob } from '../../core/surface.ts';
import { metaOf, renderJob } from './job-view.ts';

/** Names of what a webhook tells of, as Standard Webhooks would have them. */
const typeOf: Readonly<Record<DeliveryEvent, string>> = {
  start: 'job.started',
  output: 'job.output',
  logs: 'job.logs',
  completed: 'job.ended',
};

/** The body of a webhook: `{ type, timestamp, data }`, with the job as it stands now in `data`. */
export function renderDelivery(delivered: DeliveredJob): string {
  const { job, event } = delivered;
  const atMs = event === 'completed' ? job.endedAtMs : (delivered.events.at(-1)?.atMs ?? job.startedAtMs);
  return JSON.stringify({
    type: typeOf[event],
    timestamp: new Date(atMs ?? job.createdAtMs).toISOString(),
    data: { ...renderJob(job, metaOf(job).baseUrl), ...contentOf(delivered) },
  });
}

/** The pieces there are, or the whole answer; an answer that is too large, or is none of text, is left to be fetched. */
function contentOf({ job, event, output, events }: DeliveredJob): { readonly [key: string]: JsonValue } {
  if (event === 'start') return {};
  if (event === 'logs') return { logs: textOf(events, 'logs') };
  if (event === 'output') return { output: dataOf(events, 'output') };
  return { answer: output === null || job.result === null ? null : answerOf(output, job.result.contentType) };
}

function answerOf(output: Buffer, contentType: string): JsonValue {
  if (/^application\/(?:[\w.+-]+\+)?json\b/i.test(contentType)) {
    try {
      return JSON.parse(output.toString('utf8')) as JsonValue;
    } catch {
      // The backend calls JSON what is none: as text it is still its answer.
      return output.toString('utf8');
    }
  }
  return /^text\//i.test(contentType) ? output.toString('utf8') : null;
}

/** Of the last attempt: what came before it is void. */
function dataOf(events: readonly JobEvent[], wanted: JobEvent['type']): string[] {
  const from = events.findLastIndex(({ type }) => type === 'reset') + 1;
  return events.slice(from).flatMap(({ type, data }) => (type === wanted ? [data] : []));
}

function textOf(events: readonly JobEvent[], wanted: JobEvent['type']): string {
  return dataOf(events, wanted).join('');
}
