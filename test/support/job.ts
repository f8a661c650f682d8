import type { Job, JobInput, JobLimits, JobResult } from '../../src/core/job.ts';

const input: JobInput = {
  content: 'body',
  method: 'POST',
  path: '/v1/chat/completions',
  contentType: 'application/json',
  headers: {},
  isStream: false,
  body: { at: 'store', bytes: 2 },
};

/** Limits without any bound, kept for a minute after the end. */
export const unlimited: JobLimits = {
  beginByMs: null,
  endByMs: null,
  runMs: null,
  forceAtMs: null,
  maxAttempts: 3,
  keepMs: 60_000,
};

/** A result whose bytes are at the store. */
export const storedResult: JobResult = {
  status: 200,
  contentType: 'application/json',
  headers: {},
  body: { at: 'store', bytes: 4 },
};

/** The first version of a queued job, with what a test says of it. */
export function aJob(given: Partial<Job> & { readonly id: string }): Job {
  return {
    version: 1,
    surface: 'jobs',
    model: 'llama',
    tenant: 'app',
    state: 'queued',
    priority: 'normal',
    input,
    limits: unlimited,
    webhook: null,
    group: null,
    idempotencyKey: null,
    fingerprint: 'f'.repeat(64),
    meta: {},
    queuedAtMs: 1_000,
    createdAtMs: 1_000,
    startedAtMs: null,
    endedAtMs: null,
    notBeforeMs: null,
    attempts: 0,
    deaths: 0,
    lastToken: 0,
    lease: null,
    isCancelRequested: false,
    result: null,
    error: null,
    lastSeq: 0,
    toldAtMs: {},
    ...given,
  };
}

/** The version after `job`, with what a test changes of it. */
export function nextOf(job: Job, changes: Partial<Job> = {}): Job {
  return { ...job, version: job.version + 1, ...changes };
}
