import type { ErrorSpec } from './error-spec.ts';
import { type ErrorCode, errorTable } from './error-table.ts';

/** What an error carries besides its code and message. */
export interface ErrorDetails {
  /** `error.param`; default: the table's. */
  param?: string;
  /** When a retry may succeed; clamped to 1-60 s when sent. Default 1 s. */
  retryAfterMs?: number;
  /** The phase of a start in which it failed (`spawned`, `loading`, ...). */
  phase?: string;
  /** Fields of the answer that belong to this error (Allow, WWW-Authenticate): name, value, name, value, ... */
  headers?: readonly string[];
  /** The error it came from; logged, never sent. */
  cause?: unknown;
}

/**
 * The one error class. The message names the thing and the limit, for example
 * `queue full: model "llama" has 100 of 100 waiting`.
 */
export class PilotlightError extends Error {
  override readonly name = 'PilotlightError';
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly retryAfterMs: number;
  readonly phase: string | undefined;
  readonly headers: readonly string[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.param = details.param ?? this.spec.param ?? null;
    this.retryAfterMs = Math.min(60_000, Math.max(1_000, details.retryAfterMs ?? 1_000));
    this.phase = details.phase;
    this.headers = details.headers ?? [];
  }

  /** The row of the table. */
  get spec(): ErrorSpec {
    return errorTable[this.code];
  }
}

/** Turns whatever was thrown into a PilotlightError; an unknown one becomes `internal` with it as the cause. */
export function toPilotlightError(error: unknown): PilotlightError {
  if (error instanceof PilotlightError) return error;
  return new PilotlightError('internal', 'internal error in the gateway', { cause: error });
}
