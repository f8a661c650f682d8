/**
 * Where a job stands. Who may move it where is the table below; src/jobs/rules.ts is the only place that does.
 *
 * | from      | to                    | when                                                               |
 * |-----------|-----------------------|--------------------------------------------------------------------|
 * | -         | queued                | accepted: answered 202 after it is durable                         |
 * | queued    | running               | a worker has claimed it for a free slot                            |
 * | queued    | canceled              | its client cancels it                                              |
 * | queued    | expired               | its deadline passes before it began                                |
 * | queued    | timed_out             | all its time is over while it waits for another attempt            |
 * | queued    | failed                | its model is gone, or refuses it for good                          |
 * | running   | streaming             | the first piece of its output is there                             |
 * | running   | queued                | nothing of it was processed, or it is tried again                  |
 * | running   | succeeded, failed     | the backend answered, or failed for good                           |
 * | running   | canceled              | canceled: the backend's request was aborted                        |
 * | running   | timed_out             | its time to run, or all its time, is over                          |
 * | streaming | (as running)          | tried again: the events of the attempt before are told as void     |
 * | an end    | queued                | its client asks for it again (RunPod's retry): a new life          |
 */
export type JobState =
  | 'queued'
  | 'running'
  | 'streaming'
  | 'succeeded'
  | 'failed'
  | 'canceled'
  | 'expired'
  | 'timed_out';

/** States that a job does not leave by itself. */
export const endStates = ['succeeded', 'failed', 'canceled', 'expired', 'timed_out'] as const;

/** Whether a job in this state has ended. */
export function isEnded(state: JobState): boolean {
  return (endStates as readonly JobState[]).includes(state);
}

/** `low` never wakes a backend: it rides along where there is room, until `forceAtMs`. */
export type JobPriority = 'high' | 'normal' | 'low';

/** Bytes that belong to a job: in the store itself where they are few, else in a blob. */
export type StoredBody =
  | { readonly at: 'store'; readonly bytes: number }
  | { readonly at: 'blob'; readonly bytes: number; readonly blob: string };

/** What is to be sent to the backend. Its bytes are the store's `input` of that job. */
export interface JobInput {
  /** `input`: JSON that the model's contract wraps as its backends want it; `body`: bytes that go on as they are. */
  readonly content: 'input' | 'body';
  readonly method: string;
  /** The backend's path and query it was written for (`/v1/chat/completions`); null: where the model's contract takes calls. */
  readonly path: string | null;
  readonly contentType: string;
  /** Further header fields to send on, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The answer is wanted as a stream: its pieces become events of the job. */
  readonly isStream: boolean;
  readonly body: StoredBody;
}

/** Bounds of one job. Instants are milliseconds since the epoch by the store's clock; null: no bound. */
export interface JobLimits {
  /** Before this its first attempt must have begun, else it expires. */
  readonly beginByMs: number | null;
  /** Before this it must have ended, else it is timed out (expired, where it never began). */
  readonly endByMs: number | null;
  /** How long one attempt may run, in ms; null: as long as the model's timeouts allow. */
  readonly runMs: number | null;
  /** From this instant on a `low` job is treated as a normal one. */
  readonly forceAtMs: number | null;
  /** Attempts that may reach a backend, at least 1. 1 = at most once. */
  readonly maxAttempts: number;
  /** How long it is kept after its end, in ms. */
  readonly keepMs: number;
}

/** Who is told of it, and of what. */
export interface JobWebhook {
  readonly url: string;
  readonly events: readonly DeliveryEvent[];
}

/** What a webhook can be told. */
export type DeliveryEvent = 'start' | 'output' | 'logs' | 'completed';

/** What the backend answered. Its bytes are the store's `output` of that job. */
export interface JobResult {
  readonly status: number;
  readonly contentType: string;
  /** Further fields of the backend's answer that surfaces pass on, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: StoredBody;
}

/** Why it did not succeed. */
export interface JobError {
  /** A code of core/error-table.ts, or `backend_error` where the backend answered with an error. */
  readonly code: string;
  readonly message: string;
  /** The backend's status, where it answered. The answer itself is the job's result then. */
  readonly status: number | null;
}

/** The right to run a job and to write what comes of it. */
export interface JobLease {
  /** The process that runs it. */
  readonly owner: string;
  /** Raised by each claim: who writes with an older one has lost the lease. */
  readonly token: number;
  /** By the store's clock. */
  readonly untilMs: number;
}

/** A job as the store keeps it. Immutable: each change makes the next version. */
export interface Job {
  readonly id: string;
  /** Raised by each change. */
  readonly version: number;
  /** The surface it came by, which renders it. */
  readonly surface: string;
  /** Name of the model in the configuration. */
  readonly model: string;
  /** Name of the key it came with; empty without keys. Only the same key sees it. */
  readonly tenant: string;
  readonly state: JobState;
  readonly priority: JobPriority;
  readonly input: JobInput;
  readonly limits: JobLimits;
  readonly webhook: JobWebhook | null;
  /** The whole of which it is a part (a batch), and its place there, from 0. */
  readonly group: { readonly id: string; readonly index: number } | null;
  /** By which a client's second try is known to be the first's; null: it has none. Holds the surface and the tenant too. */
  readonly idempotencyKey: string | null;
  /** SHA-256 of what was asked for, in hex: the same key with another request is a conflict. */
  readonly fingerprint: string;
  /** What its surface keeps of the request, in plain JSON; nobody else looks into it. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** Order in its queue: by this, then by id. Milliseconds since the epoch. */
  readonly queuedAtMs: number;
  readonly createdAtMs: number;
  /** Of the last attempt. */
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** It waits for its next attempt until then; null: it may be claimed. */
  readonly notBeforeMs: number | null;
  /** Attempts that may have reached a backend. */
  readonly attempts: number;
  /** Attempts whose backend died under them. */
  readonly deaths: number;
  /** Tokens given so far. */
  readonly lastToken: number;
  /** null: nobody runs it. */
  readonly lease: JobLease | null;
  /** Its client wants it ended; who runs it aborts it. */
  readonly isCancelRequested: boolean;
  readonly result: JobResult | null;
  readonly error: JobError | null;
  /** Number of its last event; 0 = none yet. */
  readonly lastSeq: number;
  /** Of its webhooks that are not told of each time: when the last one is due, in its present life; absent: none was told. */
  readonly toldAtMs: Readonly<Partial<Record<Exclude<DeliveryEvent, 'completed'>, number>>>;
}

/** Something that happened to a job, for those who follow it. */
export interface JobEvent {
  /** From 1, without gaps. */
  readonly seq: number;
  readonly atMs: number;
  /** `state`: data is the new state; `output`: a piece of the answer (the data of one SSE event, or text); `reset`: what was told before is void. */
  readonly type: 'state' | 'output' | 'logs' | 'reset';
  readonly data: string;
}

/** Events of a job that are kept for those who come back. */
export const keptEvents = 1_024;
