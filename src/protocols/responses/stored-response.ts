import type { JobDesk } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import { isEnded, type Job, type JobState } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { DataSplitter, pieceKindOf } from '../data-splitter.ts';
import { readWhole } from '../read-whole.ts';
import { isJsonObject, readJsonObject } from '../surface-json.ts';
import { responsesPath } from './chat-call.ts';
import { responseObject } from './response-object.ts';

/** Largest answer that is shown, in bytes: it is put together as one. */
const maxAnswerBytes = 64 * 2 ** 20;

/** Events that carry a response as it ended. */
const lastEvents = ['response.completed', 'response.incomplete', 'response.failed'];

const statuses: Readonly<Record<JobState, string>> = {
  queued: 'queued',
  running: 'in_progress',
  streaming: 'in_progress',
  succeeded: 'completed',
  failed: 'failed',
  canceled: 'cancelled',
  expired: 'failed',
  timed_out: 'failed',
};

/** What is kept of a background response besides the request that its backend gets. */
export interface ResponseMeta {
  readonly previousResponseId: string | null;
  /** Items of the input that come from the responses before it. */
  readonly earlierItems: number;
  /** As the client named it. */
  readonly model: string;
}

/** The meta of a job that is a background response. */
export function metaOf(job: Job): ResponseMeta {
  return job.meta as unknown as ResponseMeta;
}

/** A response as it is now, of a job that was made by this surface. Rejects with store_unavailable, body_too_large. */
export async function storedResponse(job: Job, jobs: JobDesk): Promise<JsonObject> {
  const asked = await askedOf(job, jobs);
  const answer = job.state === 'succeeded' ? await answerOf(job, jobs) : null;
  return responseOf(job, asked, answer);
}

/** The request of a response, as its backend gets it. */
export async function requestOf(job: Job, jobs: JobDesk): Promise<JsonObject> {
  return readJsonObject(await readWhole(jobs.read(job, 'input')));
}

/** The request as the client is to see it again. */
export async function askedOf(job: Job, jobs: JobDesk): Promise<JsonObject> {
  const { model, previousResponseId } = metaOf(job);
  const shown = { model, background: true, store: true, previous_response_id: previousResponseId };
  return { ...(await requestOf(job, jobs)), ...shown };
}

/** The response object of a job; `answer`: the response that its backend gave, null where there is none. */
export function responseOf(job: Job, asked: JsonObject, answer: JsonObject | null): JsonObject {
  const status = job.state === 'succeeded' && answer === null ? 'failed' : statuses[job.state];
  const frame = { id: job.id, createdAt: Math.floor(job.createdAtMs / 1_000), status, output: [] };
  const blank = responseObject(asked, frame);
  const ended = isEnded(job.state) ? { completed_at: Math.floor((job.endedAtMs ?? 0) / 1_000) } : {};
  if (status === 'failed') return { ...blank, ...ended, error: errorOf(job) };
  if (answer === null) return { ...blank, ...ended };
  return { ...blank, ...answer, ...ownFields(blank), ...ended };
}

/** What the gateway says of a response whatever its backend says: it stands for the request there, not here. */
export function ownFields(blank: JsonObject): JsonObject {
  const { id, created_at, background, store, model, metadata, previous_response_id } = blank;
  return { id, created_at, background, store, model, metadata, previous_response_id } as JsonObject;
}

/** The response in the answer of a backend: the answer itself, or in the last event of its stream; null: there is none. */
async function answerOf(job: Job, jobs: JobDesk): Promise<JsonObject | null> {
  const { result } = job;
  if (result === null) return null;
  if (result.body.bytes > maxAnswerBytes) {
    const message = `the response ${job.id} has ${result.body.bytes} bytes, of at most ${maxAnswerBytes}`;
    throw new PilotlightError('body_too_large', message);
  }
  const body = await readWhole(jobs.read(job, 'output'));
  if (pieceKindOf(result.contentType) !== 'events') return asResponse(parse(body.toString()));
  const splitter = new DataSplitter(result.contentType);
  for (const data of [...splitter.push(body), ...splitter.end()].reverse()) {
    const event = parse(data);
    if (isJsonObject(event) && lastEvents.includes(String(event.type))) return asResponse(event.response);
  }
  return null;
}

function asResponse(value: unknown): JsonObject | null {
  return isJsonObject(value) && value.object === 'response' ? value : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function errorOf({ state, error, model }: Job): JsonObject {
  if (state === 'succeeded') {
    return {
      code: 'server_error',
      message: `the backend of "${model}" answered with something else than a response`,
    };
  }
  const message = error?.message ?? 'the response was not made';
  const status = error?.status ?? null;
  if (status === 404 || status === 405) {
    const advice = `the backend may have no ${responsesPath}: contract: { name: openai, responses: chat } of the model maps it to chat completions`;
    return { code: 'server_error', message: `${message} (${advice})` };
  }
  const isClients = status !== null && status >= 400 && status < 500;
  return { code: isClients ? 'invalid_prompt' : 'server_error', message };
}
