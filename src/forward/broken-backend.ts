import { PilotlightError } from '../core/errors.ts';

/** undici's codes and messages for an answer that it cannot read, besides those of its parser (HPE_...). */
const unreadableCodes = new Set(['UND_ERR_HEADERS_OVERFLOW']);
const unreadableMessages = new Set(['bad response', 'bad upgrade']);

/**
 * What broke off an exchange with a backend: backend_bad_response where it sent what cannot be read as an answer, else
 * backend_reset. `hasHead`: after the head of its answer had come.
 */
export function brokenBackend(cause: Error, hasHead: boolean): PilotlightError {
  if (isUnreadable(cause, hasHead)) {
    return new PilotlightError('backend_bad_response', 'backend answered with something that is not HTTP', {
      cause,
    });
  }
  const when = hasHead ? 'in the middle of its answer' : 'after the request was sent, before its answer';
  return new PilotlightError('backend_reset', `backend closed the connection ${when}`, { cause });
}

function isUnreadable(cause: Error, hasHead: boolean): boolean {
  const code = (cause as { code?: string }).code ?? '';
  if (cause.name === 'HTTPParserError' || code.startsWith('HPE_')) return true;
  // A length that does not come true: within the head it is one that contradicts another field.
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return !hasHead;
  return unreadableCodes.has(code) || unreadableMessages.has(cause.message);
}

/** The connection was refused each time until the request's deadline; `cause` is the last refusal. */
export function unreachable(cause: Error): PilotlightError {
  return new PilotlightError('backend_unreachable', 'backend refused until the deadline', { cause });
}
