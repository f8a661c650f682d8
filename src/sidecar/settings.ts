import type { ReadySpec } from '../core/prober.ts';
import type { TlsLimits } from '../relay/tls-limits.ts';

/** Where a sidecar listens; null: not at all. 0 lets the system choose (tests). */
export interface SidecarPorts {
  /** An address; empty: all of the machine. */
  readonly host: string;
  /** HTTP/1.1 and h2c on one port: 8012, or 8013 where the revision speaks h2c. */
  readonly serving: number;
  /** TLS, with a certificate in the folder: 8112. */
  readonly tls: number;
  /** /wait-for-drain: 8022. */
  readonly admin: number;
  /** Stat as protobuf: 9090. */
  readonly stats: number;
}

/** The user metrics, as Knative's observability.requestMetrics tells. */
export interface MetricsSettings {
  readonly protocol: 'none' | 'prometheus' | 'grpc' | 'http/protobuf';
  /** Where grpc and http/protobuf send them; of prometheus empty, or where it listens. */
  readonly endpoint: string;
  /** 0: the exporter's own. */
  readonly exportIntervalMs: number;
  /** Prometheus only; 9091. An empty host is all addresses; port 0 lets the system choose (tests). */
  readonly listen: { readonly host: string; readonly port: number };
}

/** The spans, as Knative's observability.tracing tells. */
export interface TracingSettings {
  readonly protocol: 'none' | 'grpc' | 'http/protobuf' | 'stdout';
  /** A URL; empty for none and stdout. */
  readonly endpoint: string;
  /** From 0 to 1, of traces that begin here. */
  readonly samplingRate: number;
}

/** A line for each request on standard output. */
export interface RequestLogSettings {
  /** Go's text/template over .Request, .Response, .Revision and .TraceID. */
  readonly template: string;
  /** Probes get a line as well. */
  readonly hasProbes: boolean;
}

/** What the lines of the log look like; a key that is empty is left out. */
export interface LogSettings {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly levelKey: string;
  readonly timeKey: string;
  readonly messageKey: string;
  readonly nameKey: string;
  /** The level as INFO rather than info. */
  readonly isUpperCase: boolean;
}

/** The certificate of the TLS port, read anew when it changes, and what is agreed to there. */
export interface SidecarTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly limits: TlsLimits;
}

/** Who this pod is; empty strings in plain mode. */
export interface SidecarIdentity {
  readonly namespace: string;
  readonly service: string;
  readonly configuration: string;
  readonly revision: string;
  readonly pod: string;
  readonly podIp: string;
}

/** One probe of the app, of a Kubernetes probe's shape. */
export interface AppProbe {
  readonly kind: 'http' | 'tcp' | 'grpc';
  readonly host: string;
  readonly port: number;
  /** http */
  readonly path: string;
  readonly scheme: 'http' | 'https';
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** grpc: the name that is asked for; empty: the server as a whole. */
  readonly service: string;
  /** 0: polled until it passes (Knative's aggressive probe). */
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

/** What is on for models; each is off unless it is asked for. */
export interface ModelFeatures {
  /** Milliseconds between SSE comments to who waits for a slot with `stream: true`; 0 = none. */
  readonly heartbeatMs: number;
  /** Errors are JSON as OpenAI's are, in place of text. */
  readonly openaiErrors: boolean;
  /** x-pilotlight-priority is obeyed. */
  readonly priorities: boolean;
  /** Nobody waits longer than its client says. */
  readonly deadlines: boolean;
  /** Requests that may wait; null: ten times the concurrency. */
  readonly queueMax: number | null;
  /** Longest wait for a slot; 0 = none. */
  readonly queueTimeoutMs: number;
  /**
   * Text in a 503 by which the app says that it is loading: not ready then. Where the probe is none of HTTP, `path` is asked
   * as well, once it has passed; any other answer than such a 503 means ready. Null: not looked for.
   */
  readonly loading: { readonly text: string; readonly path: string } | null;
  /** Time to first token, tokens per second and the age of the queue are measured. */
  readonly metrics: boolean;
  /** The concurrency follows the app's own gauges; null: it does not. */
  readonly adaptive: { readonly path: string; readonly everyMs: number; readonly maxWaiting: number } | null;
  /** Hooks by which an idle app sleeps and wakes; null: none. */
  readonly sleep: {
    readonly idleMs: number;
    readonly sleep: { readonly method: string; readonly path: string };
    readonly wake: { readonly method: string; readonly path: string };
    readonly ready: ReadySpec;
  } | null;
}

/** What a sidecar is told by its environment, its certificate folder and its pod's annotations. */
export interface SidecarSettings {
  readonly mode: 'knative' | 'plain';
  readonly ports: SidecarPorts;
  /** 127.0.0.1 and USER_PORT. */
  readonly user: { readonly host: string; readonly port: number };
  /** 0 = no limit, and no queue but where `ModelFeatures` has `adaptive` or `sleep`. */
  readonly concurrency: number;
  /** 10 x the concurrency (of 1,000 where there is a queue without a limit), or `ModelFeatures.queueMax`. */
  readonly queueMax: number;
  /** 0 = none. */
  readonly timeouts: {
    readonly totalMs: number;
    readonly responseStartMs: number;
    readonly idleMs: number;
  };
  readonly identity: SidecarIdentity;
  readonly probes: readonly AppProbe[];
  /** The app may speak HTTP/2 on its port: found out by the probe. */
  readonly detectsHttp2: boolean;
  /** Where this machine is; empty: not told. */
  readonly hostIp: string;
  /** Null: there is no certificate, and no TLS port. */
  readonly tls: SidecarTls | null;
  readonly drain: {
    /** Without a new request for so long, the drain is over. */
    readonly quietMs: number;
    /** Upgraded connections are cut so long after that. */
    readonly upgradedMs: number;
    /** How long after a call of /wait-for-drain without SIGTERM the drain is called off; null: when it was quiet. */
    readonly resetMs: number | null;
  };
  readonly log: LogSettings;
  /** Null: no such lines. */
  readonly requestLog: RequestLogSettings | null;
  readonly metrics: MetricsSettings;
  readonly tracing: TracingSettings;
  readonly model: ModelFeatures;
  /** What was asked for and is not done here, in words for the log. */
  readonly warnings: readonly string[];
}
