/** How to tell that a replica is ready. */
export interface ReadySpec {
  /**
   * `http`: GET `path`; `tcp`: the port accepts; `grpc`: grpc.health.v1.Health says that `service` is SERVING; `none`: as soon
   * as it runs.
   */
  readonly kind: 'http' | 'tcp' | 'grpc' | 'none';
  /** Begins with `/`. */
  readonly path: string;
  /** With `grpc`: the service that is asked for; absent or empty: the server as a whole. */
  readonly service?: string;
  /** Statuses that mean ready. */
  readonly statuses: readonly number[];
  /** Text that the body must contain, or null. */
  readonly body: string | null;
  /** One probe's limit. */
  readonly timeoutMs: number;
  /** A start that takes longer has failed. */
  readonly startupMs: number;
  /** Text in a 503's body by which a backend says that it is still loading. */
  readonly loading: string;
  /** Headers for the backend (its own key), lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** How a fresh replica is warmed when its probe has passed; absent: not at all. */
  readonly warmUp?: WarmUpSpec;
}

/** A request that a replica gets before it takes those of clients. */
export interface WarmUpSpec {
  /** Tried in this order until one is not refused as unknown or unsuitable. `body`: JSON, sent with POST; null: GET. */
  readonly requests: readonly { readonly path: string; readonly body: string | null }[];
  /** The limit of all of them together. */
  readonly timeoutMs: number;
  /** Headers for the backend (its own key), lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * | state | meaning |
 * |---|---|
 * | unreachable | nobody accepts connections there, or the connection was reset |
 * | loading | somebody accepts, and says or shows that it is not ready |
 * | ready | the probe passed |
 */
export interface ProbeResult {
  readonly state: 'unreachable' | 'loading' | 'ready';
  /** In one line, for people: `GET /health: 503 Loading model`. */
  readonly detail: string;
}

/** Asks one replica. Never rejects but with the signal's reason. */
export interface Prober {
  /** Once, whether it is ready. */
  probe(origin: string, ready: ReadySpec, signal: AbortSignal): Promise<ProbeResult>;
  /** Warms it; what went wrong, in one line, or null: it was answered. */
  warm(origin: string, warmUp: WarmUpSpec, signal: AbortSignal): Promise<string | null>;
}
