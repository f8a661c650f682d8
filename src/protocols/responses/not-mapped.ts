import { PilotlightError } from '../../core/errors.ts';

/** The refusal of something that chat completions have no counterpart for; `what` names it, `param` its place. */
export function notMapped(what: string, param: string): PilotlightError {
  const message = `${what} cannot be mapped to chat completions, which this model's backend is asked for`;
  return new PilotlightError('not_emulated', message, { param });
}

/** The refusal of something that is not in the form of the Responses API. */
export function badItem(message: string, param: string): PilotlightError {
  return new PilotlightError('bad_request', `${param} ${message}`, { param });
}
