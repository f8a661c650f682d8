import type { Job } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';

/** What a job's `meta` keeps of its request. */
export interface JobMeta {
  /** The id that its client has chosen (PUT); null: it has the one that was made. */
  readonly ownId: string | null;
  /** Under which it was asked for, up to and without /v1: for the URLs in its webhooks. */
  readonly baseUrl: string;
  /** What the client keeps with it. */
  readonly metadata: JsonObject;
}

/** The meta of a job that came by this surface. */
export function metaOf(job: Job): JobMeta {
  return job.meta as unknown as JobMeta;
}

/** By which its client knows it. */
export function shownId(job: Job): string {
  return metaOf(job).ownId ?? job.id;
}

/** Where its client asks for it. */
export function jobUrl(job: Job, baseUrl: string): string {
  return `${baseUrl}/v1/jobs/${encodeURIComponent(shownId(job))}`;
}

/** A job as this API shows it. Times in ISO 8601. */
export function renderJob(job: Job, baseUrl: string): JsonObject {
  const self = jobUrl(job, baseUrl);
  const { limits, result, error } = job;
  return {
    id: shownId(job),
    object: 'job',
    status: job.state,
    model: job.model,
    path: job.input.path,
    stream: job.input.isStream,
    priority: job.priority,
    created_at: isoOf(job.createdAtMs),
    started_at: isoOf(job.startedAtMs),
    ended_at: isoOf(job.endedAtMs),
    begin_by: isoOf(limits.beginByMs),
    end_by: isoOf(limits.endByMs),
    kept_until: job.endedAtMs === null ? null : isoOf(job.endedAtMs + limits.keepMs),
    attempts: job.attempts,
    cancel_requested: job.isCancelRequested && !isEnded(job.state),
    result:
      result === null
        ? null
        : { status: result.status, content_type: result.contentType, bytes: result.body.bytes },
    error: error === null ? null : { code: error.code, message: error.message, status: error.status },
    webhook: job.webhook === null ? null : { url: job.webhook.url, events: [...job.webhook.events] },
    metadata: metaOf(job).metadata,
    last_event: job.lastSeq,
    urls: { self, result: `${self}/result`, events: `${self}/events`, cancel: `${self}/cancel` },
  };
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
