import { type ApiRequest, KubeError } from './api.ts';

interface Head {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Longest part of an answer that is no Status object told in an error. */
const maxToldChars = 300;

const named = ({ method, path }: Pick<ApiRequest, 'method' | 'path'>) => `${method} ${path.split('?')[0]}`;

function parsed(text: string): { readonly message?: unknown; readonly reason?: unknown } {
  try {
    const status = JSON.parse(text) as unknown;
    return typeof status === 'object' && status !== null ? status : {};
  } catch {
    return { message: text.slice(0, maxToldChars).trim() };
  }
}

/** What a refusal says: `GET /apis/...: 403 Forbidden: deployments.apps "x" is forbidden: User ...`. */
export function failureOf(request: Pick<ApiRequest, 'method' | 'path'>, head: Head, text: string): KubeError {
  const { message, reason } = parsed(text);
  const status = head.statusCode;
  const seconds = Number(head.headers['retry-after'] ?? Number.NaN);
  const words = [`${status}${reason ? ` ${reason}` : ''}`, ...(message ? [String(message)] : [])];
  return new KubeError(`${named(request)}: ${words.join(': ')}`, {
    status,
    reason: typeof reason === 'string' ? reason : '',
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null,
  });
}

/** Of a call without an answer: refused, reset, timed out, garbled. */
export function noAnswer(request: Pick<ApiRequest, 'method' | 'path'>, cause: unknown): KubeError {
  const { message, code } = cause as { message?: string; code?: string };
  return new KubeError(`${named(request)}: ${message || code || String(cause)}`, { status: 0, cause });
}
