import type { Contract } from '../../core/contract.ts';
import type { DeskModel } from '../../core/desk.ts';
import type { Job, JobState } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { JobCounts } from '../../core/job-store.ts';
import type { JsonObject } from '../../core/json.ts';

const statusByState: Readonly<Record<JobState, string>> = {
  queued: 'IN_QUEUE',
  running: 'IN_PROGRESS',
  streaming: 'IN_PROGRESS',
  succeeded: 'COMPLETED',
  failed: 'FAILED',
  canceled: 'CANCELLED',
  expired: 'TIMED_OUT',
  timed_out: 'TIMED_OUT',
};

/** RunPod's word for a job's state. */
export function statusOf({ state }: Job): string {
  return statusByState[state];
}

/** A job as `/status` shows it. `answer` null: there is none yet. */
export function renderJob(job: Job, contract: Contract, answer: Buffer | null): JsonObject {
  const { createdAtMs, startedAtMs, endedAtMs } = job;
  const times = {
    ...(startedAtMs === null ? {} : { delayTime: Math.max(0, startedAtMs - createdAtMs) }),
    ...(startedAtMs === null || endedAtMs === null ? {} : { executionTime: endedAtMs - startedAtMs }),
  };
  return { id: job.id, status: statusOf(job), ...times, ...contentOf(job, contract, answer) };
}

function contentOf(job: Job, contract: Contract, answer: Buffer | null): JsonObject {
  if (!isEnded(job.state)) return {};
  if (job.result === null || answer === null) {
    return job.error === null || job.state === 'canceled' ? {} : { error: job.error.message };
  }
  const { status, contentType } = job.result;
  const { output, error } = contract.outcome({ status, contentType, body: answer });
  if (error !== null) return { error };
  return job.state === 'succeeded' ? { output } : { error: job.error?.message ?? statusOf(job) };
}

/** What `/health` says of a model: its jobs by state, whatever surface they came by, and its replicas as workers. */
export function renderHealth(model: DeskModel, counts: JobCounts): JsonObject {
  const { readyReplicas, inFlight } = model;
  const running = Math.min(readyReplicas, inFlight);
  const initializing = model.wakeInfo().state === 'starting' ? 1 : 0;
  return {
    jobs: {
      completed: counts.succeeded ?? 0,
      failed: (counts.failed ?? 0) + (counts.expired ?? 0) + (counts.timed_out ?? 0),
      inProgress: (counts.running ?? 0) + (counts.streaming ?? 0),
      inQueue: counts.queued ?? 0,
    },
    workers: {
      idle: readyReplicas - running,
      initializing,
      ready: readyReplicas,
      running,
      throttled: 0,
      unhealthy: 0,
    },
  };
}
