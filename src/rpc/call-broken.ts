import { PilotlightError } from '../core/errors.ts';

/** Whether what was reached does not speak HTTP/2 at all: another try would meet the same. */
export function isNoHttp2({ cause }: Error): boolean {
  const code = (cause as { code?: string } | undefined)?.code;
  return code === 'ERR_HTTP2_ERROR' || code === 'ERR_HTTP2_SESSION_ERROR';
}

/** What broke off an exchange with a backend, or kept it from beginning. */
export function brokenCall(cause: Error, isSent: boolean): PilotlightError {
  if (!isSent && isNoHttp2(cause))
    return new PilotlightError('backend_bad_response', `backend: ${cause.message}`, { cause });
  if (!isSent) return new PilotlightError('backend_unreachable', `backend: ${cause.message}`, { cause });
  const message = 'backend closed the connection after the request was sent, before its answer';
  return new PilotlightError('backend_reset', message, { cause });
}
