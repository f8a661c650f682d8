import type { Desk } from '../../core/desk.ts';
import { type ErrorCode, errorTable } from '../../core/error-table.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { Job } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { jsonReply } from '../surface-json.ts';
import { jobUrl, renderJob, shownId } from './job-view.ts';

/** 202: where to ask for it, and when. */
export function accepted(job: Job, request: SurfaceRequest, desk: Desk): SurfaceReply {
  return jsonReply(202, renderJob(job, request.baseUrl), {
    ...headersOf(job, desk),
    location: jobUrl(job, request.baseUrl),
    'preference-applied': 'respond-async',
  });
}

/** The job as it stands; while it has not ended with a hint when to ask again. */
export function shown(job: Job, request: SurfaceRequest, desk: Desk, status = 200): SurfaceReply {
  return jsonReply(status, renderJob(job, request.baseUrl), headersOf(job, desk));
}

/** The backend's answer as it was. Throws the error of a job that has none, job_conflict where it was canceled. */
export function answerOf(job: Job, desk: Desk): SurfaceReply {
  const { result, error, state } = job;
  if (result !== null) {
    const headers = { ...result.headers, 'content-type': result.contentType };
    return { status: result.status, headers, body: desk.jobs.read(job, 'output') };
  }
  if (state === 'canceled')
    throw new PilotlightError(
      'job_conflict',
      `job ${JSON.stringify(shownId(job))} was canceled: it has no result`,
    );
  throw new PilotlightError(codeOf(error?.code), error?.message ?? `the job is ${state} and has no result`);
}

/** Of an older version's record the code may be none any more. */
function codeOf(code: string | undefined): ErrorCode {
  return code !== undefined && code in errorTable ? (code as ErrorCode) : 'job_expired';
}

/** Retry-After in seconds, 1 to 60: as long as the start of its model is expected to take. */
function headersOf(job: Job, desk: Desk): Readonly<Record<string, string>> {
  if (isEnded(job.state)) return {};
  const etaMs =
    desk
      .models()
      .find(({ name }) => name === job.model)
      ?.wakeInfo().etaMs ?? null;
  const seconds = Math.ceil((etaMs ?? 1_000) / 1000);
  return { 'retry-after': String(Math.min(60, Math.max(1, seconds))) };
}
