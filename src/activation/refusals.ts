import type { StartFault } from '../core/driver.ts';
import type { ErrorCode } from '../core/error-table.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Leadership } from '../core/leadership.ts';
import type { StartFailure } from './back-off.ts';

const capacityFaults: readonly (StartFault | null)[] = ['unschedulable', 'quota', 'gated', 'preempted'];

/** `start_failed`, or `no_capacity` where the platform has no room for it; for those who wait when a start fails and for those who come during the back-off. */
export function startFailed(model: string, failure: StartFailure, retryAfterMs: number): PilotlightError {
  const phase = failure.phase === null ? '' : ` (after "${failure.phase}")`;
  const code = capacityFaults.includes(failure.fault) ? 'no_capacity' : 'start_failed';
  return new PilotlightError(code, `model "${model}" did not start: ${failure.reason}${phase}`, {
    retryAfterMs,
    ...(failure.phase === null ? {} : { phase: failure.phase }),
  });
}

/** Whether an error is one of those that `startFailed` makes. */
export function isStartFailure(code: ErrorCode | undefined): boolean {
  return code === 'start_failed' || code === 'no_capacity';
}

/** `cold`: the model is set to reject while it is not ready. */
export function coldRefusal(model: string, etaMs: number | null): PilotlightError {
  const eta = etaMs === null ? '' : `, ready in about ${seconds(etaMs)}`;
  return new PilotlightError('cold', `model "${model}" is cold and set to reject; it is woken${eta}`, {
    ...(etaMs === null ? {} : { retryAfterMs: etaMs }),
  });
}

/** `would_not_make_it`: `remainingMs` until the deadline is less than the earliest that can be expected. */
export function wouldNotMakeIt(
  model: string,
  remainingMs: number,
  expected: { earliestMs: number; etaMs: number },
): PilotlightError {
  return new PilotlightError(
    'would_not_make_it',
    `model "${model}" needs at least ${seconds(expected.earliestMs)} more to start and the deadline is in ` +
      `${seconds(Math.max(0, remainingMs))}; it is woken`,
    { retryAfterMs: expected.etaMs },
  );
}

/** `standby`: another gateway of the group leads. */
export function standbyRefusal(model: string, { leader, reason }: Leadership): PilotlightError {
  const who = leader === null ? 'no gateway is known to lead' : `"${leader}" leads`;
  const why = reason === null ? '' : ` (${reason})`;
  return new PilotlightError(
    'standby',
    `this gateway is on standby: ${who}${why}; model "${model}" is not served here`,
  );
}

/** `paused` by an operator. */
export function pausedRefusal(model: string): PilotlightError {
  return new PilotlightError('paused', `model "${model}" is paused`, { retryAfterMs: 60_000 });
}

/** `draining`: the revision is being replaced or the gateway shuts down, and nothing is woken any more. */
export function drainingRefusal(model: string): PilotlightError {
  return new PilotlightError('draining', `model "${model}" is being retired`);
}

/** For those who wait when an operator stops a model that is starting. */
export function stoppedRefusal(model: string): PilotlightError {
  return new PilotlightError('start_failed', `model "${model}" was stopped by an operator`);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)}s`;
}
