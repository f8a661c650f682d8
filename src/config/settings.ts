import type { ContractName } from '../core/contract.ts';
import type { ReadySpec } from '../core/prober.ts';
import type { ScaleSettings } from '../core/scaling.ts';
import type { JobSettings, SurfaceSettings } from './job-settings.ts';
import type { RawModel } from './model.ts';
import type { RungSettings } from './rung-settings.ts';
import type { NeedsSettings, SharedSettings } from './shared-settings.ts';
import type { StoreSettings } from './store.ts';

/** host and port to listen on. Port 0 lets the system choose. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A client's key. Only its hash is kept. */
export interface KeySettings {
  readonly name: string;
  /** SHA-256 of the key, lower-case hex. */
  readonly sha256: string;
  /** The highest priority that its requests may ask for, and what they get unasked (high is never given unasked). */
  readonly priority: Priority;
}

type Priority = 'high' | 'normal' | 'low';

export interface ServerSettings {
  readonly listen: Address;
  readonly admin: Address & { readonly token: string | null };
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** Allowed origins for browsers; `['*']` allows all; empty: no CORS headers. */
  readonly corsOrigins: readonly string[];
  readonly maxBodyBytes: number;
  readonly heldMemoryBytes: number;
  readonly spool: { readonly dir: string; readonly maxBytes: number };
  /** 0 = until the last waiter and stream has ended. */
  readonly drainMs: number;
  readonly limits: {
    readonly headerBytes: number;
    readonly headerCount: number;
    readonly headerTimeoutMs: number;
    /** Whole request, head and body; 0 = none. */
    readonly bodyTimeoutMs: number;
    /** Requests at once on one connection of HTTP/2. */
    readonly streams: number;
    /** Open client connections; 0 = no limit. */
    readonly connections: number;
    readonly keepAliveMs: number;
  };
}

export interface ProcessBackend {
  readonly driver: 'process';
  /** argv with {port} and {model} still in it. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly stopGraceMs: number;
}

export interface StaticBackend {
  readonly driver: 'static';
  /** Origins with an optional path prefix, no trailing slash. */
  readonly urls: readonly string[];
}

/** A workload of a cluster: pods behind anything that has a scale subresource, or a Knative Service. */
export interface KubernetesBackend {
  readonly driver: 'kubernetes';
  /** null: the gateway's own. */
  readonly namespace: string | null;
  /** `apiVersion` null: found by the kind. */
  readonly scaleTarget: { readonly apiVersion: string | null; readonly kind: string; readonly name: string };
  /** The Service whose EndpointSlices say where the pods are; null: the pods' own addresses. */
  readonly service: string | null;
  /** Number, or name of a container's port; null: the only port there is. */
  readonly port: number | string | null;
  /** auto: the Service where a mesh takes no direct connections, else the pods. */
  readonly route: 'auto' | 'pod' | 'service';
  /** Who says that a pod is ready; auto: own, kubernetes where the pod has only a probe that cannot be run from here. */
  readonly trust: 'auto' | 'own' | 'kubernetes' | 'both';
  /** `pod`: the readiness probe of the pod's own containers, where it has one that can be run; `settings`: `ready`. */
  readonly probeFrom: 'pod' | 'settings';
  /** `external`: others own the count; only 0 -> 1 is ours. */
  readonly owner: 'pilotlight' | 'external';
  /** How long a pod may be unschedulable before its start has failed; 0 = at once. */
  readonly capacityTimeoutMs: number;
}

export type BackendSettings = ProcessBackend | StaticBackend | KubernetesBackend;

/** How the gateway reaches the cluster and what it does there; null in `Settings` where no cluster is used. */
export interface KubernetesSettings {
  /** Path of a kubeconfig; null: the pod's own account, else KUBECONFIG, else ~/.kube/config. */
  readonly kubeconfig: string | null;
  /** Of the kubeconfig; null: its current one. */
  readonly context: string | null;
  /** Where models are discovered, and targets without a namespace are; empty: the gateway's own. */
  readonly namespaces: readonly string[];
  readonly discovery: {
    /** Objects of kind Model (pilotlight.dev/v1alpha1). */
    readonly models: boolean;
    /** Workloads with the annotation pilotlight.dev/model. */
    readonly annotations: boolean;
  };
  /** One active gateway among those with the same lease; null: none, this one always leads. */
  readonly lease: {
    readonly name: string;
    /** null: the gateway's own. */
    readonly namespace: string | null;
    readonly durationMs: number;
    readonly renewDeadlineMs: number;
    readonly retryMs: number;
  } | null;
}

/** How a replica is chosen for a request. */
export interface BalanceSettings {
  /** auto: first for limits 1-3, else least. */
  readonly strategy: 'auto' | 'least' | 'first' | 'prefix';
  /** Requests with the same value of this header or cookie go to the same replica. */
  readonly session: { readonly header: string } | { readonly cookie: string } | null;
  /** For `prefix`: a replica may hold up to this many times the mean load before affinity gives way (1.25). */
  readonly maxLoadFactor: number;
}

export interface TimeoutSettings {
  readonly connectMs: number;
  /** To the response's head; null: 10 min for streams, else totalMs. */
  readonly firstByteMs: number | null;
  readonly idleMs: number;
  readonly totalMs: number;
  readonly stallMs: number;
}

export interface RevisionSettings {
  readonly name: string;
  readonly backend: BackendSettings;
  /** The version of HTTP that replicas speak. */
  readonly httpVersion: 1 | 2;
  /** Headers the backend gets from the gateway, lower-case names. */
  readonly backendHeaders: Readonly<Record<string, string>>;
  /** The name sent on in place of the one the client used; null: the model's own. */
  readonly sendModel: string | null;
  readonly ready: ReadySpec;
  /** Per replica; 0 = no limit. */
  readonly concurrency: number;
  readonly queue: { readonly max: number; readonly maxBytes: number; readonly timeoutMs: number };
  readonly scale: ScaleSettings & {
    /** A fresh replica's limit grows from 1 to full over this time; 0 = at once. */
    readonly rampMs: number;
    /** Refuses everybody from the moment on that this is written, until an operator resumes it or it is not any more. */
    readonly isPaused: boolean;
  };
  /** What an idle replica is put to sleep by, the shallowest first. */
  readonly ladder: readonly RungSettings[];
  /** What a replica takes of what all share; null: nothing is counted. */
  readonly needs: NeedsSettings | null;
  /** Whether a replica's own gauges are asked before it is ended: it may serve clients past the gateway. */
  readonly asksGauge: boolean;
  /** Milliseconds; 0 everywhere means none. */
  readonly timeouts: TimeoutSettings;
  readonly balance: BalanceSettings;
  readonly rollout: 'start-first' | 'stop-first';
}

export interface MatchSettings {
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  /** Lower-case name to exact value. */
  readonly headers: Readonly<Record<string, string>>;
  readonly stripPrefix: boolean;
}

export interface ModelSettings {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly match: MatchSettings | null;
  /** How its backend is asked by surfaces; `path` null: the contract's usual one. */
  readonly contract: {
    readonly name: ContractName;
    readonly path: string | null;
    readonly responses: 'backend' | 'chat';
  };
  readonly cold: 'hold' | 'reject';
  /** Refuse at once who cannot make it (would_not_make_it). */
  readonly deadlineAware: boolean;
  /** 0 = none. */
  readonly heartbeat: { readonly streamMs: number; readonly jsonMs: number };
  /** Names or aliases of models that are woken when this one is. */
  readonly wakeWith: readonly string[];
  /** One for now, named "default"; several with traffic between them come later. */
  readonly revision: RevisionSettings;
  /** What it was made of, to be made again with other keys. */
  readonly written: RawModel;
}

/** The whole configuration as the code sees it: numbers in the unit of their name, every default filled in. */
export interface Settings {
  readonly server: ServerSettings;
  /** `open`: no key needed, on any address. */
  readonly auth: { readonly open: boolean; readonly keys: readonly KeySettings[] };
  readonly store: StoreSettings;
  /** Absolute path. */
  readonly stateDir: string;
  readonly surfaces: readonly SurfaceSettings[];
  readonly jobs: JobSettings;
  readonly kubernetes: KubernetesSettings | null;
  /** What all models share; null: nothing. */
  readonly shared: SharedSettings | null;
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'; readonly access: boolean };
  readonly models: ReadonlyMap<string, ModelSettings>;
}
