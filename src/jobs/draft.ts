import { createHash } from 'node:crypto';
import type { JobSettings } from '../config/job-settings.ts';
import type { Invocation } from '../core/contract.ts';
import type { JobOrder } from '../core/desk.ts';
import type { Job, JobLimits, StoredBody } from '../core/job.ts';

/** The bytes of what is asked for: JSON where the contract is to wrap it. */
export function contentOf({ content }: Invocation): Buffer {
  return 'body' in content ? content.body : Buffer.from(JSON.stringify(content.input));
}

/** The first version of a job. */
export function draftOf(
  order: JobOrder,
  by: {
    readonly id: string;
    readonly tenant: string;
    readonly nowMs: number;
    readonly body: StoredBody;
    readonly fingerprint: string;
    readonly settings: JobSettings;
  },
): Job {
  const { surface, model, invocation, priority, webhook, group, meta } = order;
  const { path, method, contentType, headers, isStream } = invocation;
  const content = 'body' in invocation.content ? 'body' : 'input';
  const { id, tenant, nowMs, body, fingerprint } = by;
  return {
    ...{
      id,
      version: 1,
      surface,
      model,
      tenant,
      state: 'queued',
      priority,
      webhook,
      group,
      fingerprint,
      meta,
    },
    input: { content, method, path, contentType, headers, isStream, body },
    limits: limitsOf(order, nowMs, by.settings),
    idempotencyKey: idempotencyKeyOf(order, tenant),
    ...{ queuedAtMs: nowMs, createdAtMs: nowMs, startedAtMs: null, endedAtMs: null, notBeforeMs: null },
    ...{ attempts: 0, deaths: 0, lastToken: 0, lease: null, isCancelRequested: false },
    ...{ result: null, error: null, lastSeq: 0, toldAtMs: {} },
  };
}

/** What the model's contract is given when the job runs. */
export function invocationOf(job: Job, bytes: Buffer): Invocation {
  const { content, path, method, contentType, headers, isStream } = job.input;
  const rest = { path, method, contentType, headers, isStream, id: job.id };
  if (content === 'body') return { ...rest, content: { body: bytes } };
  return { ...rest, content: { input: JSON.parse(bytes.toString()) } };
}

/** SHA-256 of what is asked for, in hex. Header fields and what the surface notes may differ from one try to the next. */
export function fingerprintOf(order: JobOrder, content: Buffer): string {
  const { surface, model, invocation, priority, limits, webhook } = order;
  const { path, method, contentType, isStream } = invocation;
  const asked = [surface, model, path, method, contentType, isStream, priority, limits, webhook];
  return createHash('sha256').update(JSON.stringify(asked)).update('\n').update(content).digest('hex');
}

function idempotencyKeyOf({ surface, idempotencyKey }: JobOrder, tenant: string): string | null {
  if (idempotencyKey === null) return null;
  return createHash('sha256')
    .update(JSON.stringify([surface, tenant, idempotencyKey]))
    .digest('hex');
}

function limitsOf({ limits, priority }: JobOrder, nowMs: number, settings: JobSettings): JobLimits {
  const {
    beginInMs = orNull(settings.beginWithinMs),
    endInMs = orNull(settings.endWithinMs),
    forceInMs = null,
    runMs = orNull(settings.runForMs),
    maxAttempts = settings.attempts,
    keepMs = settings.keepMs,
  } = limits;
  const at = (inMs: number | null): number | null => (inMs === null ? null : nowMs + inMs);
  const forceAtMs = priority === 'low' ? at(forceInMs) : null;
  return { beginByMs: at(beginInMs), endByMs: at(endInMs), forceAtMs, runMs, maxAttempts, keepMs };
}

/** Settings say "0 = never". */
function orNull(ms: number): number | null {
  return ms === 0 ? null : ms;
}
