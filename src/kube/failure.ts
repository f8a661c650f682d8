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

/** What is waited at most for what a server asks: a mirror that is told to come back in an hour would be blind for that long. */
export const maxRetryAfterMs = 60_000;

/** Of a Retry-After in seconds, which is what an API server sends (fractions too, as proxies do); null: there is none to go by. */
function retryAfterOf(told: string | string[] | undefined): number | null {
  if (typeof told !== 'string' || !/^\d+(\.\d+)?$/.test(told)) return null;
  return Number(told) * 1_000;
}

/** What a refusal says: `GET /apis/...: 403 Forbidden: deployments.apps "x" is forbidden: User ...`. */
export function failureOf(request: Pick<ApiRequest, 'method' | 'path'>, head: Head, text: string): KubeError {
  const { message, reason } = parsed(text);
  const status = head.statusCode;
  const words = [`${status}${reason ? ` ${reason}` : ''}`, ...(message ? [String(message)] : [])];
  return new KubeError(`${named(request)}: ${words.join(': ')}`, {
    status,
    reason: typeof reason === 'string' ? reason : '',
    retryAfterMs: retryAfterOf(head.headers['retry-after']),
  });
}

/** Of a call without an answer: refused, reset, timed out, garbled. */
export function noAnswer(request: Pick<ApiRequest, 'method' | 'path'>, cause: unknown): KubeError {
  const { message, code } = cause as { message?: string; code?: string };
  return new KubeError(`${named(request)}: ${message || code || String(cause)}`, { status: 0, cause });
}
