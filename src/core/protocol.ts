import type { PilotlightError } from './errors.ts';

/** What of a request's head a protocol looks at. */
export interface RequestHead {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Without `?`; empty when there is none. */
  readonly query: string;
  /** Value of content-type as received (a form's boundary is case-sensitive), or empty. */
  readonly contentType: string;
}

/** Byte range `[start, end)` in the body as it was received. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Bytes that take the place of a span of the body (a rewritten model name). */
export interface BodyPatch {
  readonly span: Span;
  readonly bytes: Buffer;
}

/** What the gateway needs to know of a request. */
export interface Intent {
  /** The model as the client named it, decoded. */
  readonly model: string;
  /** Whether the client asked for a stream. */
  readonly isStream: boolean;
  /** Where the model's name lies in the body (a JSON string with its quotes, or a bare form value); null: not there. */
  readonly modelSpan: Span | null;
  /** How the name is written there, for rewriting it; `query`: as ?model= of the path. */
  readonly modelEncoding: 'json' | 'form' | 'query' | 'none';
  /** Where the prompt (messages, prompt or input) lies in the body, for prefix affinity; null: unknown. */
  readonly promptSpan: Span | null;
}

/**
 * Reads a body as it arrives. `push` returns the intent as soon as it is certain, else 'more'; `end` is called when
 * the body is complete and must return the intent. Both throw PilotlightError (invalid_body, model_required).
 * After an intent was returned by `push` the parser is not used any more.
 */
export interface IntentParser {
  push(chunk: Buffer): Intent | 'more';
  end(): Intent;
}

/** What a waiting client is told by a heartbeat. */
export interface WaitState {
  /** 1 = next. */
  readonly position: number;
  /** `waiting` for a slot, or the state and step of the start. */
  readonly phase: string;
  /** What holds the start up, in one line, where that is known; else null. */
  readonly detail: string | null;
  readonly etaMs: number | null;
}

/** How errors and heartbeats are written: one per family of clients. Pure. */
export interface Dialect {
  readonly name: string;
  /** The JSON body of an error answer. */
  renderError(error: PilotlightError): string;
  /** The bytes of an SSE error event (complete, with its empty line), for a stream already begun. */
  renderStreamError(error: PilotlightError): string;
  /** The bytes of an SSE comment for one who waits. */
  renderHeartbeat(state: WaitState): string;
}

/** One route of a protocol: how a request there names its model. */
export interface ProtocolRoute {
  readonly methods: readonly string[];
  /** Fastify path pattern: `/v1/chat/completions`, `/v1/responses/:id`. */
  readonly path: string;
  readonly dialect: Dialect;
  /** `json`: top-level field of the body; `form`: multipart field; `query`: ?model= (also for WebSockets). */
  readonly modelIn: 'json' | 'form' | 'query';
  readonly isWebSocket?: boolean;
  /** Its answer may be something else than JSON (audio, subtitles): no white space may go ahead of it. Default false. */
  readonly mayAnswerOther?: boolean;
  /** A parser for one request's body; null where the head says it all. Throws invalid_body: not the route's content-type. */
  parser(head: RequestHead): IntentParser | null;
  /** The intent where the head says it all; throws model_required. */
  intent?(head: RequestHead): Intent;
}

/** One surface: a file per protocol. */
export interface Protocol {
  readonly name: string;
  readonly routes: readonly ProtocolRoute[];
}
