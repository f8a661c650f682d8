import type { Contract } from './contract.ts';
import type { Desk } from './desk.ts';
import type { PilotlightError } from './errors.ts';
import type { DeliveryEvent, Job, JobEvent } from './job.ts';
import type { Dialect } from './protocol.ts';

/** Names of the platforms' APIs that can be switched on (`surfaces:` of the configuration). */
export const surfaceNames = [
  'jobs',
  'batch',
  'responses',
  'replicate',
  'runpod',
  'sagemaker',
  'vertex',
  'azure',
  'huggingface',
  'modal',
  'kserve',
  'ollama',
  'potassium',
  'octoai',
] as const;

export type SurfaceName = (typeof surfaceNames)[number];

/** Who asks, and how the asking goes on. */
export interface Caller {
  /** Name of the key; empty without keys. Its jobs, files and secrets are seen by the same name alone. */
  readonly tenant: string;
  readonly requestId: string;
  /** What the client asked for over its headers may not go above this class: 0 high, 1 normal, 2 low. */
  readonly highestClass: 0 | 1 | 2;
  /** Aborted when the client has left, or the gateway ends. */
  readonly signal: AbortSignal;
}

/** A request to a surface, its body read whole and bounded (by the route's `maxBodyBytes`, else server.maxBody). */
export interface SurfaceRequest {
  readonly method: string;
  /** Without the surface's prefix and without the query. */
  readonly path: string;
  /** Of the route's pattern, decoded; a wildcard is `*`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Lower-case names; repeated fields joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Scheme, host and prefix under which the client reached the surface (`http://localhost:8080/replicate`), for URLs in answers. */
  readonly baseUrl: string;
  readonly caller: Caller;
}

/** An answer of a surface. A stream that throws a PilotlightError after its head ends with the dialect's stream error, then is cut. */
export interface SurfaceReply {
  readonly status: number;
  /** Lower-case names, content-type among them where there is a body. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | AsyncIterable<string | Uint8Array> | null;
}

/** How a platform writes errors. */
export interface SurfaceDialect extends Dialect {
  /** The status where the platform's own differs from the error's (SageMaker: 424 for a backend's error); absent: the error's. */
  statusOf?(error: PilotlightError): number;
  /** Header fields of the platform's errors (`x-amzn-errortype`); absent: none. */
  headersOf?(error: PilotlightError): Readonly<Record<string, string>>;
}

/** One route of a surface. */
export interface SurfaceRoute {
  readonly methods: readonly string[];
  /** Pattern as Fastify takes it (`/v1/predictions/:id`), under the surface's prefix. A parameter may be followed by text (`:model::predict` is a colon escaped). */
  readonly path: string;
  /** Where errors of this route are written as another's (OpenAI's, below RunPod's); absent: the surface's. */
  readonly dialect?: SurfaceDialect;
  /** null: server.maxBody. */
  readonly maxBodyBytes: number | null;
  /** `streamed`: the body is not read; the handler takes it from `upload` (files of 200 MB). */
  readonly upload?: boolean;
  /** No key is asked for, and the caller has no tenant: the path holds a secret of its own (a stream's URL that clients follow without their key). */
  readonly isOpen?: boolean;
  /** Whether it is this route that a request is for (`Prefer: respond-async`); absent: always. Another serves it where not. */
  takes?(headers: Readonly<Record<string, string | string[] | undefined>>): boolean;
  /** Rejects with PilotlightError, which the surface's dialect renders. */
  handle(request: SurfaceRequest, desk: Desk, upload: AsyncIterable<Buffer> | null): Promise<SurfaceReply>;
}

/** A platform's API: a file (or folder) each in src/protocols. Pure: what it does it does through the desk. */
export interface Surface {
  readonly name: SurfaceName;
  readonly dialect: SurfaceDialect;
  /** Whether it makes jobs: then the store is opened at the start. */
  readonly hasJobs: boolean;
  /** Routes, by what the configuration says of the surface. */
  routes(settings: SurfaceOptions): readonly SurfaceRoute[];
  /** The body of a webhook about a job of this surface; absent: it has no webhooks. */
  renderDelivery?(job: DeliveredJob): string;
}

/** What the configuration may say of a surface besides where it is served; each surface obeys those that it knows. */
export interface SurfaceOptions {
  /** `limits: original`: the platform's own limits on sizes and times hold; `own`: only this gateway's. */
  readonly limits: 'original' | 'own';
  /** Served on the request port without a prefix: the paths of OpenAI's API are taken there (GET /v1/models/{id}). */
  readonly isBesideOpenai: boolean;
}

/** What a webhook's body is made from. URLs in it are made from what the surface has put into the job's `meta`: no request is at hand. */
export interface DeliveredJob {
  /** As it stands when it is told of, which may be later than `event`. */
  readonly job: Job;
  readonly event: DeliveryEvent;
  /** How its model's backends answer. */
  readonly contract: Contract;
  /** What it was asked with; null: it lies in a blob and is too large for a webhook. */
  readonly input: Buffer | null;
  /** The whole answer; null: there is none yet, or it lies in a blob and is too large for a webhook. */
  readonly output: Buffer | null;
  /** Events of the job that are still there. */
  readonly events: readonly JobEvent[];
}
