import type { Contract } from '../../core/contract.ts';
import type { Job, JobEvent, JobState } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';

/** What a prediction's `meta` keeps of its request. */
export interface PredictionMeta {
  /** As the client named it: `owner/name`, or the model's name. */
  readonly model: string;
  /** As the client named it; `hidden` where it named none. */
  readonly version: string;
  readonly deployment: string | null;
  /** Part of the URL of its stream, which clients follow without their key. */
  readonly streamSecret: string;
  /** Under which it was asked for, up to and without /v1: for the URLs in its webhooks. */
  readonly baseUrl: string;
  /** It is canceled, not failed, when its time is over: the client said Cancel-After. */
  readonly hasDeadline: boolean;
}

/** What a prediction is rendered from. */
export interface PredictionParts {
  readonly job: Job;
  readonly contract: Contract;
  readonly input: JsonValue;
  /** The whole answer; null: there is none yet. */
  readonly answer: Buffer | null;
  /** Of the run that is under way. */
  readonly events: readonly JobEvent[];
  /** Up to and without /v1. */
  readonly baseUrl: string;
}

/** The meta of a job that came by this surface. */
export function metaOf(job: Job): PredictionMeta {
  return job.meta as unknown as PredictionMeta;
}

/** Replicate's word for a job's state. A deadline that passes before the run is `aborted`, one within it `canceled`. */
function statusOf(job: Job): string {
  const byState: Readonly<Record<JobState, string>> = {
    queued: 'starting',
    running: 'processing',
    streaming: 'processing',
    succeeded: 'succeeded',
    failed: 'failed',
    canceled: 'canceled',
    expired: metaOf(job).hasDeadline ? 'aborted' : 'failed',
    timed_out: metaOf(job).hasDeadline ? 'canceled' : 'failed',
  };
  return byState[job.state];
}

/** A prediction as Replicate's API shows it. */
export function renderPrediction(parts: PredictionParts): JsonObject {
  const { job, input } = parts;
  const { model, version, deployment } = metaOf(job);
  const { output, error, logs, predictTimeS } = contentOf(parts);
  return {
    id: job.id,
    model,
    version,
    ...(deployment === null ? {} : { deployment }),
    input,
    logs,
    output,
    error,
    status: statusOf(job),
    source: 'api',
    data_removed: false,
    created_at: isoOf(job.createdAtMs),
    started_at: isoOf(job.startedAtMs),
    completed_at: isoOf(job.endedAtMs),
    ...(job.limits.endByMs === null || !metaOf(job).hasDeadline
      ? {}
      : { deadline: isoOf(job.limits.endByMs) }),
    metrics: metricsOf(job, predictTimeS),
    ...(job.webhook === null
      ? {}
      : { webhook: job.webhook.url, webhook_events_filter: [...job.webhook.events] }),
    urls: urlsOf(job, parts.baseUrl),
  };
}

function urlsOf(job: Job, baseUrl: string): JsonObject {
  const get = `${baseUrl}/v1/predictions/${job.id}`;
  const stream = `${baseUrl}/v1/streams/${job.id}/${metaOf(job).streamSecret}`;
  return { get, cancel: `${get}/cancel`, stream };
}

interface Content {
  readonly output: JsonValue;
  readonly error: string | null;
  readonly logs: string;
  /** As the backend measured it; null: it did not say. */
  readonly predictTimeS: number | null;
}

function contentOf({ job, contract, answer, events }: PredictionParts): Content {
  const error = isEnded(job.state) && job.state !== 'succeeded' ? (job.error?.message ?? null) : null;
  if (job.result === null || answer === null) {
    const pieces = outputsOf(events).flatMap((data) => contract.piece(data) ?? []);
    const output = pieces.length === 0 ? null : pieces.map((piece) => contract.textOf(piece) ?? piece);
    return { output, error, logs: logsOf(events), predictTimeS: null };
  }
  const { status, contentType } = job.result;
  const outcome = contract.outcome({ status, contentType, body: answer });
  const isText = contract.name === 'openai' && outcome.error === null;
  const text = isText ? contract.textOf(outcome.output) : null;
  return {
    output: text === null ? outcome.output : [text],
    error: outcome.error ?? error,
    logs: outcome.logs ?? '',
    predictTimeS: outcome.metrics.predict_time ?? null,
  };
}

/** The pieces of the last attempt: those of one that was begun again are void. */
function outputsOf(events: readonly JobEvent[]): readonly string[] {
  const from = events.findLastIndex(({ type }) => type === 'reset') + 1;
  return events.slice(from).flatMap(({ type, data }) => (type === 'output' ? [data] : []));
}

function logsOf(events: readonly JobEvent[]): string {
  return events.flatMap(({ type, data }) => (type === 'logs' ? [data] : [])).join('');
}

function metricsOf({ createdAtMs, startedAtMs, endedAtMs }: Job, predictTimeS: number | null): JsonObject {
  if (endedAtMs === null) return {};
  const ranS = startedAtMs === null ? null : (endedAtMs - startedAtMs) / 1000;
  const predictS = predictTimeS ?? ranS;
  return {
    ...(predictS === null ? {} : { predict_time: predictS }),
    total_time: (endedAtMs - createdAtMs) / 1000,
  };
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
