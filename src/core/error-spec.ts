/** One row of the table of errors a client can get. */
export interface ErrorSpec {
  /** HTTP status where the response has not begun. */
  readonly status: number;
  /** `error.type` in OpenAI's dialect. */
  readonly type: string;
  /** `error.param` unless the error names another. */
  readonly param?: string;
  /** Value of `x-should-retry`, which the OpenAI SDKs obey before the status; absent: no header. */
  readonly shouldRetry?: boolean;
  /** Whether Retry-After and retry-after-ms are sent (every 429 and 503). */
  readonly retryAfter?: boolean;
  /** When it happens, for docs/errors.md. */
  readonly when: string;
  /** What the reader can do about it, for docs/errors.md. */
  readonly remedy: string;
}
