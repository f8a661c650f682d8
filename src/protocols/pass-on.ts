import type { Invocation } from '../core/contract.ts';
import type { Desk, DeskAnswer } from '../core/desk.ts';
import { PilotlightError } from '../core/errors.ts';
import type { SurfaceReply, SurfaceRequest } from '../core/surface.ts';
import { openai } from './openai.ts';
import { isJsonObject } from './surface-json.ts';

/** Paths of OpenAI's API that go to a backend: never one of its development routes. */
const openaiPaths: ReadonlySet<string> = new Set(
  openai.routes.flatMap(({ methods, path }) => (methods.includes('POST') ? [path] : [])),
);

/** Throws route_not_found for what is none of OpenAI's routes; else the path as it was given. */
export function openaiPath(path: string): string {
  if (openaiPaths.has(path)) return path;
  throw new PilotlightError('route_not_found', `no route POST ${path}: it is none of OpenAI's API`);
}

/** How a request goes on as it came. */
export interface PassedOn extends SentAs {
  readonly model: string;
  /** null: the model's queue.timeout. */
  readonly patienceMs: number | null;
  /** Longest run, in ms; absent: as the model's timeouts say. */
  readonly runMs?: number;
}

/** What is said with a client's bytes. */
export interface SentAs {
  /** The backend's path; null: where the model's contract takes calls. */
  readonly path: string | null;
  /** Fields that go on to the backend. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Absent: what the body says. */
  readonly isStream?: boolean;
}

/** Asks the model with the body as it came; its answer, of whatever status, is what it resolves with. */
export function askAsItCame(
  request: SurfaceRequest,
  desk: Desk,
  { model, patienceMs, runMs, ...sent }: PassedOn,
): Promise<DeskAnswer> {
  const invocation = invocationAsItCame(request, sent);
  const bound = runMs === undefined ? {} : { runMs };
  return desk.ask({ model, invocation, caller: request.caller, patienceMs, priority: 1, ...bound });
}

/** The invocation that a request's body is, as it came. */
export function invocationAsItCame(
  { method, headers, body, caller }: SurfaceRequest,
  { path, headers: sent = {}, isStream }: SentAs,
): Invocation {
  return {
    path,
    method,
    contentType: headers['content-type'] ?? 'application/json',
    headers: sent,
    content: { body },
    isStream: isStream ?? asksForStream(headers['content-type'] ?? '', body),
    id: caller.requestId,
  };
}

/** Those of the header fields that are there, by their lower-case names. */
export function pickFields(
  headers: Readonly<Record<string, string>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
}

/** The answer as the backend gave it. */
export function replyOf({ status, headers, contentType, body }: DeskAnswer): SurfaceReply {
  return { status, headers: { ...headers, 'content-type': contentType }, body };
}

/** Whether a body in JSON says `stream: true`. What is not JSON, or not readable, says nothing. */
export function asksForStream(contentType: string, body: Buffer): boolean {
  if (!/^application\/json\b/i.test(contentType) || !body.includes('"stream"')) return false;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(value) && value.stream === true;
  } catch {
    // The backend, or the contract, says what is wrong with it.
    return false;
  }
}
