import type { PilotlightError } from '../../core/errors.ts';
import type { Dialect } from '../../core/protocol.ts';
import { anthropicDialect, openaiDialect, responsesDialect } from '../../protocols/dialects.ts';
import { fieldOf, type LaneHead, type OwnAnswer } from '../../relay/traffic.ts';

/** How a sidecar says no. Pure. */
export interface RefusalStyle {
  /** The whole answer to who got nothing yet. */
  answer(error: PilotlightError, head: LaneHead): OwnAnswer;
}

const textFields = ['content-type', 'text/plain; charset=utf-8', 'x-content-type-options', 'nosniff'];

/** To the letter what queue-proxy says (pkg/queue/handler.go, pkg/http/handler/timeout.go, pkg/queue/health). */
const textOfKnative: Partial<Record<PilotlightError['code'], { status: number; text: string }>> = {
  queue_full: { status: 503, text: 'pending request queue full\n' },
  queue_timeout: { status: 503, text: 'context deadline exceeded\n' },
  draining: { status: 503, text: 'shutting down\n' },
  backend_timeout: { status: 504, text: 'request timeout' },
};

/** Lines of text, with the statuses of queue-proxy. What it has no words for is said in our own. */
export const textRefusals: RefusalStyle = {
  answer(error) {
    const { status, text } = textOfKnative[error.code] ?? {
      status: error.spec.status,
      text: `${error.message}\n`,
    };
    // Where the original writes a body by itself, Go adds no nosniff.
    const fields = error.code === 'backend_timeout' ? textFields.slice(0, 2) : textFields;
    return { status, fields, body: text };
  },
};

/**
 * JSON in the dialect of the route, with the statuses of docs/errors.md and what the SDKs obey: retry-after,
 * retry-after-ms, x-should-retry. Clients of gRPC read no JSON and get the text.
 */
export const openaiRefusals: RefusalStyle = {
  answer(error, head) {
    if (isGrpc(head)) return textRefusals.answer(error, head);
    const body = (dialectOf(head.target) ?? openaiDialect).renderError(error);
    return { status: error.spec.status, fields: ['content-type', 'application/json', ...hints(error)], body };
  },
};

/**
 * The error event for a stream that breaks off: in the dialect of the route; elsewhere an event named `error`, which is none
 * of the app's own, with OpenAI's JSON.
 */
export function errorEvent(error: PilotlightError, head: LaneHead): string {
  const dialect = dialectOf(head.target);
  return dialect === null
    ? `event: error\ndata: ${openaiDialect.renderError(error)}\n\n`
    : dialect.renderStreamError(error);
}

function hints({ spec, retryAfterMs, headers }: PilotlightError): string[] {
  const fields = [...headers];
  if (spec.retryAfter) {
    fields.push('retry-after', String(Math.ceil(retryAfterMs / 1000)));
    fields.push('retry-after-ms', String(Math.ceil(retryAfterMs)));
  }
  if (spec.shouldRetry !== undefined) fields.push('x-should-retry', String(spec.shouldRetry));
  return fields;
}

/** By the end of the path, since servers have them below prefixes (`/openai/v1/chat/completions` of KServe). */
const dialects: readonly (readonly [RegExp, Dialect])[] = [
  [/\/v1\/responses$/, responsesDialect],
  [/\/v1\/messages(?:\/count_tokens)?$/, anthropicDialect],
  [
    /\/v1\/(?:chat\/completions|completions|embeddings|rerank|moderations|images\/\w+|audio\/\w+)$/,
    openaiDialect,
  ],
];

/** The dialect of a path; null: it is no route of an API that is known. */
function dialectOf(target: string): Dialect | null {
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  return dialects.find(([ending]) => ending.test(path))?.[1] ?? null;
}

function isGrpc({ fields }: LaneHead): boolean {
  return fieldOf(fields, 'content-type')?.startsWith('application/grpc') === true;
}
