import { type ErrorDetails, PilotlightError } from '../core/errors.ts';

/** What a refusal names: the model, and when to retry (null: not known). */
export interface RefusalContext {
  readonly model: string;
  readonly retryAfterMs: number | null;
  /** No replica takes requests. */
  readonly isCold: boolean;
}

function details(context: RefusalContext): ErrorDetails {
  return context.retryAfterMs === null ? {} : { retryAfterMs: context.retryAfterMs };
}

/** `level` is how full it is: `100 of 100`, `2000 of 1024 bytes`. */
export function queueFull(context: RefusalContext, level: string): PilotlightError {
  return new PilotlightError(
    'queue_full',
    `queue full: model "${context.model}" has ${level} waiting`,
    details(context),
  );
}

/** It has waited `waitMs` and its deadline is here. */
export function queueTimeout(context: RefusalContext, waitMs: number): PilotlightError {
  const wait = `${(waitMs / 1000).toFixed(1)}s`;
  return new PilotlightError(
    'queue_timeout',
    `queue timeout: model "${context.model}" ${context.isCold ? 'was not ready' : 'had no free slot'} within ${wait}`,
    details(context),
  );
}

/** The gate is closed for good. */
export function gateClosed(model: string): PilotlightError {
  return new PilotlightError('draining', `draining: model "${model}" takes no more requests`);
}
