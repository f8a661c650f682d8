import type { ErrorSpec } from './error-spec.ts';

/** Those rows of the table that have to do with jobs and with platforms' APIs. */
export const jobErrorTable = {
  job_not_found: {
    status: 404,
    type: 'invalid_request_error',
    when: 'No job (or batch, prediction, response) of that id is kept, or it belongs to another key.',
    remedy: 'Check the id; jobs are kept for jobs.keep after their end.',
  },
  file_not_found: {
    status: 404,
    type: 'invalid_request_error',
    when: 'No file of that id is kept, or it belongs to another key.',
    remedy: 'Check the id; upload the file again where it has expired.',
  },
  not_emulated: {
    status: 501,
    type: 'invalid_request_error',
    shouldRetry: false,
    when: "The platform's API has this, and serving it here would pretend something.",
    remedy: 'Read docs/protocols for what works and what does not.',
  },
  job_conflict: {
    status: 409,
    type: 'invalid_request_error',
    shouldRetry: false,
    when: 'The job is not in a state for that: it has ended already, or has not ended yet.',
    remedy: 'Look at the state of the job, which the message names.',
  },
  idempotency_conflict: {
    status: 409,
    type: 'invalid_request_error',
    shouldRetry: false,
    when: 'The idempotency key (or id) was used before, with another request.',
    remedy: 'Use another key for another request, or repeat the request as it was.',
  },
  events_gone: {
    status: 410,
    type: 'invalid_request_error',
    when: 'The events after the one that was named are not kept any more: the last 1,024 of a job are.',
    remedy: 'Ask for the job itself, or follow it from its oldest event.',
  },
  store_unavailable: {
    status: 503,
    type: 'server_error',
    shouldRetry: true,
    retryAfter: true,
    when: 'The store of the jobs (SQLite, Redis) or the folder of their files cannot be asked. Nothing was accepted.',
    remedy: 'Retry with the same idempotency key; look at the log of the gateway and at the store.',
  },
  store_full: {
    status: 507,
    type: 'server_error',
    shouldRetry: false,
    when: 'The disk or memory in which jobs are kept is full. Nothing was accepted.',
    remedy: 'Make room, shorten jobs.keep, or purge jobs that have ended.',
  },
  backend_error: {
    status: 502,
    type: 'server_error',
    shouldRetry: false,
    when: 'The backend answered a job, or a request that a platform wraps, with an error of its own.',
    remedy:
      "Read the backend's answer: its status and text are in the message, the whole of it in the job's result.",
  },
  backend_died: {
    status: 502,
    type: 'server_error',
    shouldRetry: false,
    when: 'The backend died twice under the same job, which may be what kills it.',
    remedy: 'Look at the log of the backend, and at what the job asks for.',
  },
  job_interrupted: {
    status: 502,
    type: 'server_error',
    shouldRetry: false,
    when: 'The gateway that ran the job ended in the middle of it, and the job may not reach a backend once more.',
    remedy:
      'Whether the backend did the work is not known; allow the job more attempts where doing it twice is no harm.',
  },
  job_expired: {
    status: 504,
    type: 'server_error',
    shouldRetry: false,
    when: 'The deadline of the job passed before it began, or its time to run or in all was over.',
    remedy: 'Give it more time (the field is in the message), or more replicas to the model.',
  },
} as const satisfies Record<string, ErrorSpec>;
