/** How an attempt failed. */
export interface Failure {
  /** A code of core/error-table.ts, or `backend_error` where the backend answered with an error. */
  readonly code: string;
  readonly message: string;
  /** The backend's status, where it answered. */
  readonly status: number | null;
  /** What the gate or the backend said about the next try; null: nothing. */
  readonly retryAfterMs: number | null;
}

/**
 * What a failure means for the job.
 *
 * | verdict   | failures                                                                   | then                          |
 * |-----------|----------------------------------------------------------------------------|-------------------------------|
 * | unsent    | the gate refused, the start failed, the connection was refused: no byte was | again, and it does not count  |
 * |           | processed                                                                  |                               |
 * | again     | the backend was busy or on its way (408, 409, 425, 429, 502, 503, 504, 529); a   | again, while it has attempts  |
 * |           | fault of the gateway or of its store; the gateway ended in the middle      |                               |
 * | died      | the connection broke under the request                                     | again; the second time failed |
 * | timed_out | it was not done in the time it had                                         | timed_out                     |
 * | never     | everything else: a 400 stays one, and a 500 mostly is the request's own     | failed                        |
 */
export type Verdict = 'unsent' | 'again' | 'died' | 'timed_out' | 'never';

const unsent = [
  'queue_full',
  'memory_full',
  'queue_timeout',
  'would_not_make_it',
  'cold',
  'draining',
  'standby',
  'paused',
  'backend_unreachable',
  'start_failed',
  'no_capacity',
];
const passing = ['internal', 'job_interrupted', 'store_unavailable', 'store_full', 'backend_bad_response'];
const passingStatuses = [408, 409, 425, 429, 502, 503, 504, 529];

/** Which row of the table a failure belongs to. Pure. */
export function verdictOf({ code, status }: Pick<Failure, 'code' | 'status'>): Verdict {
  if (code === 'backend_error') return passingStatuses.includes(status ?? 0) ? 'again' : 'never';
  if (unsent.includes(code)) return 'unsent';
  if (passing.includes(code)) return 'again';
  if (code === 'backend_reset') return 'died';
  return code === 'backend_timeout' || code === 'job_expired' ? 'timed_out' : 'never';
}

const firstDelayMs = 1_000;
const longestDelayMs = 60_000;

/**
 * How long a job waits for its next attempt: 1 s after the first, doubling to 60 s, of which a half is chance (`random`, 0 to 1),
 * so that jobs that failed together do not come together; at least what the failure asked for, up to 60 s.
 */
export function backOffMs(attempts: number, failure: Failure, random: number): number {
  const fullMs = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(16, Math.max(0, attempts - 1)));
  const askedMs = Math.min(longestDelayMs, failure.retryAfterMs ?? 0);
  return Math.ceil(Math.max(askedMs, fullMs * (0.5 + random / 2)));
}
