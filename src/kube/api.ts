/** A verb of HTTP that the API knows. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Content types of a patch (https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply). */
export type PatchType =
  | 'application/merge-patch+json'
  | 'application/json-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml';

/** One call. */
export interface ApiRequest {
  readonly method: Method;
  /** Begins with `/api` or `/apis`, with the query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** For PATCH. */
  readonly patchType?: PatchType;
  /** Whole call; default 10 s. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/** A GET of what is no object: the log of a container. */
export interface TextRequest {
  /** Begins with `/api`, with the query. */
  readonly path: string;
  /** Whole call; default 10 s. */
  readonly timeoutMs?: number;
  /** A longer answer is a failure. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** An event of a watch stream, as it stands on the wire. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

/** The Kubernetes API server. */
export interface KubeApi {
  /** The gateway's own namespace: that of its pod, or of the kubeconfig's context. */
  readonly namespace: string;
  /** Where it is, for people: `https://10.0.0.1:443`. */
  readonly server: string;
  /**
   * Makes a call and returns the object. Throttled calls (429 with Retry-After of a minute at most) are made again while
   * `timeoutMs` lasts, after 100 ms at the soonest; nothing else is. Rejects with `KubeError`, or with the signal's reason.
   */
  call<T>(request: ApiRequest): Promise<T>;
  /**
   * Makes a GET and returns the text of the answer, as `call` does; but what answers is a node, which may be slow or gone:
   * such calls have connections of their own, four at a time, and hold up no other.
   */
  text(request: TextRequest): Promise<string>;
  /**
   * Opens a watch (`path` with its whole query) and calls `onEvent` for each line; resolves when the server ends it,
   * rejects with `KubeError` when it could not be opened or broke, or with the signal's reason. `idleMs`: nothing at all
   * for that long (bookmarks included) counts as broken. `onOpen`: the server has accepted it.
   */
  watch(
    path: string,
    onEvent: (event: WatchEvent) => void,
    options: { readonly idleMs: number; readonly signal: AbortSignal; readonly onOpen?: () => void },
  ): Promise<void>;
  close(): Promise<void>;
}

/** A call that did not succeed. Never seen by clients: activation tells its message as the reason of a start. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status; 0: no answer (refused, reset, timed out). */
  readonly status: number;
  /** `reason` of the Status object (`Conflict`, `Forbidden`, `NotFound`, `Expired`), or ''. */
  readonly reason: string;
  /** What the server asked to wait; null: nothing, or what is no number of seconds. */
  readonly retryAfterMs: number | null;

  constructor(
    message: string,
    facts: { status: number; reason?: string; retryAfterMs?: number | null; cause?: unknown },
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.status = facts.status;
    this.reason = facts.reason ?? '';
    this.retryAfterMs = facts.retryAfterMs ?? null;
  }
}
