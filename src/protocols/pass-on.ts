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
export interface PassedOn {
  readonly model: string;
  /** The backend's path; null: where the model's contract takes calls. */
  readonly path: string | null;
  /** null: the model's queue.timeout. */
  readonly patienceMs: number | null;
  /** Fields that go on to the backend. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks the model with the body as it came; its answer, of whatever status, is what it resolves with. */
export function askAsItCame(
  { method, headers, body, caller }: SurfaceRequest,
  desk: Desk,
  { model, path, patienceMs, headers: sent = {} }: PassedOn,
): Promise<DeskAnswer> {
  return desk.ask({
    model,
    invocation: {
      path,
      method,
      contentType: headers['content-type'] ?? 'application/json',
      headers: sent,
      content: { body },
      isStream: asksForStream(headers['content-type'] ?? '', body),
      id: caller.requestId,
    },
    caller,
    patienceMs,
    priority: 1,
  });
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
