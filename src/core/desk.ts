import type { BlobStore } from './blobs.ts';
import type { Contract, ContractModel, Invocation } from './contract.ts';
import type { WakeInfo } from './gate.ts';
import type { Job, JobEvent, JobLimits, JobPriority, JobWebhook } from './job.ts';
import type { DocumentStore, JobCounts, JobPage, JobQuery } from './job-store.ts';
import type { Caller } from './surface.ts';

/** What surfaces are served by: the models, and the jobs. src/jobs and the pipeline stand behind it. */
export interface Desk {
  /** Milliseconds since the epoch, for what is written into answers. */
  wallMs(): number;
  /** The models of the configuration, by name, in its order. */
  models(): readonly DeskModel[];
  /** By name or alias; throws model_not_found with the names there are. */
  model(name: string): DeskModel;
  /**
   * Asks a model now, through its gate as a live request: resolves with the head of the answer, rejects with a
   * PilotlightError (queue_full, start_failed, backend_reset, ...). A status of 400 and more of the backend is an answer.
   */
  ask(request: Ask): Promise<DeskAnswer>;
  readonly jobs: JobDesk;
}

/** A model as surfaces see it. */
export interface DeskModel {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly contract: Contract;
  readonly contractModel: ContractModel;
  /** Most requests at once over all replicas it may have; null: no limit. */
  readonly maxConcurrency: number | null;
  readonly readyReplicas: number;
  readonly inFlight: number;
  readonly waiting: number;
  wakeInfo(): WakeInfo;
  /** Wakes it as a request would, without one; returns why it cannot be, or null. */
  wake(): Error | null;
}

export interface Ask {
  readonly model: string;
  readonly invocation: Invocation;
  readonly caller: Caller;
  /** Longest wait for a slot, in ms; null: the model's queue.timeout. Beyond it: queue_timeout. */
  readonly patienceMs: number | null;
  /** Longest run once it has a slot, to the end of the answer, in ms; absent: the model's timeouts. Beyond it: backend_timeout. */
  readonly runMs?: number;
  /** What x-pilotlight-priority asks for: 0 high, 1 normal, 2 low. */
  readonly priority: 0 | 1 | 2;
}

export interface DeskAnswer {
  readonly status: number;
  readonly contentType: string;
  /** End-to-end fields of the backend's answer, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds it waited for a slot, and of those for a start. */
  readonly waitMs: number;
  readonly coldMs: number;
  /** Must be read to its end, or returned from (`for await` does both). Throws PilotlightError where the answer is cut. */
  readonly body: AsyncIterable<Buffer>;
}

/** What surfaces do with jobs. A job of another tenant is not there (null). Rejects with store_unavailable. */
export interface JobDesk {
  /** Durable when it resolves. The same idempotency key yields the same job; with another request: rejects with idempotency_conflict. */
  create(order: JobOrder, caller: Caller): Promise<{ readonly job: Job; readonly isNew: boolean }>;
  /** As `create`, for the rows of a batch: without webhooks and idempotency keys, all in one group. */
  createMany(orders: readonly JobOrder[], caller: Caller): Promise<void>;
  get(id: string, caller: Caller): Promise<Job | null>;
  /** Whoever's it is: for open routes, which check a secret of the job themselves before they show anything of it. */
  find(id: string): Promise<Job | null>;
  /** The job once it has ended, or as it stands after `forMs`. Its client leaving ends the wait, not the job. */
  wait(id: string, forMs: number, caller: Caller): Promise<Job | null>;
  /** In any state; one that has ended stays as it is. Resolves with the job as it stands then. */
  cancel(id: string, caller: Caller): Promise<Job | null>;
  /** A job that has ended is queued again, with the same id; null: there is none; rejects with job_conflict. */
  retry(id: string, caller: Caller): Promise<Job | null>;
  /** Removes one that has ended, with what it left; rejects with job_conflict. Returns whether it was there. */
  remove(id: string, caller: Caller): Promise<boolean>;
  list(query: Omit<JobQuery, 'tenant'>, caller: Caller): Promise<JobPage>;
  /** Cancels all that are queued of a surface and a model; returns how many. */
  purge(of: { readonly surface: string; readonly model: string }, caller: Caller): Promise<number>;
  counts(of: { readonly model: string } | { readonly group: string }): Promise<JobCounts>;
  /** Cancels all of a group that have not ended. */
  cancelGroup(group: string): Promise<void>;
  groupMembers(group: string, fromIndex: number, limit: number): Promise<readonly Job[]>;
  /** Bytes of its input or its answer; empty where there are none. */
  read(job: Job, part: 'input' | 'output'): AsyncIterable<Buffer>;
  /** Events after `afterSeq` that are there now, oldest first, at most `limit`; of the last 1,024. */
  events(id: string, afterSeq: number, limit: number, caller: Caller): Promise<readonly JobEvent[]>;
  /** Events after `afterSeq` as they come, to the end of the job or the caller's leaving. Rejects with events_gone where they are not kept any more. */
  follow(id: string, afterSeq: number, caller: Caller): AsyncIterable<JobEvent>;
  /** The secret that this tenant's webhooks are signed with (`whsec_...`); made at the first call. */
  webhookSecret(caller: Caller): Promise<string>;
  /** Makes a new one, which it resolves with; the one before signs along for a day. */
  rotateWebhookSecret(caller: Caller): Promise<string>;
  readonly documents: DocumentStore;
  /** Who writes one says whose it is (core/blobs.ts, blobOwnerKind). */
  readonly blobs: BlobStore;
}

/** A job that is asked for. */
export interface JobOrder {
  /** Chosen by the surface (its form is the platform's); null: one is made. */
  readonly id: string | null;
  readonly surface: string;
  readonly model: string;
  /** Content as the model's contract gets it when it runs. Large bytes are put into a blob by the desk. */
  readonly invocation: Invocation;
  readonly priority: JobPriority;
  /** What is left out has the configuration's default. */
  readonly limits: Partial<JobLimitsOrder>;
  readonly webhook: JobWebhook | null;
  readonly group: { readonly id: string; readonly index: number } | null;
  /** As the client sent it; the desk adds surface and tenant. null: none. */
  readonly idempotencyKey: string | null;
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Bounds as clients give them: from now, in ms. */
export interface JobLimitsOrder extends Pick<JobLimits, 'runMs' | 'maxAttempts' | 'keepMs'> {
  readonly beginInMs: number | null;
  readonly endInMs: number | null;
  readonly forceInMs: number | null;
}
