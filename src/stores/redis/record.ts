import type { Job, JobState } from '../../core/job.ts';
import { indexOf, rankOf } from '../../core/job-index.ts';
import { hasBytes } from '../../core/job-note.ts';
import type { JobNote } from '../../core/job-store.ts';

/**
 * What the scripts know of a job, so that they need not read the whole of it: kept beside it as a JSON array in this order. `false`
 * where there is none.
 */
const fields = [
  'ID',
  'VERSION',
  /** false: removed (in notes). */
  'STATE',
  'MODEL',
  'GROUP',
  /** Its place in the group. */
  'INDEX',
  'TENANT',
  /** JSON of tenant, surface and model: jobs are listed by it and their state. */
  'SHELF',
  /** Its place in lists: `createdAtMs` in digits that sort, then the id. */
  'MARK',
  /** The key of the queue it can be claimed from. */
  'QUEUE',
  'QUEUED_AT',
  'DUE',
  /** Where it is counted as waiting. */
  'BACKLOG',
  /** Idempotency key. */
  'ONCE',
  /** Whether it has bytes in the store. */
  'INPUT',
  'OUTPUT',
  'CANCEL',
  'LAST_SEQ',
] as const;

/** Names the places of a record for a script. */
export const recordPrelude = `local ${fields.join(', ')} = ${fields.map((_, i) => i + 1).join(', ')}\n`;

/** The record of a job, as JSON on one line. */
export function recordOf(job: Job): string {
  const { queue, dueAtMs } = indexOf(job);
  const model = sound(job.model);
  const record: Record<(typeof fields)[number], string | number | boolean> = {
    ID: sound(job.id),
    VERSION: job.version,
    STATE: job.state,
    MODEL: model,
    GROUP: job.group ? sound(job.group.id) : false,
    INDEX: job.group?.index ?? false,
    TENANT: sound(job.tenant),
    SHELF: JSON.stringify([sound(job.tenant), sound(job.surface), model]),
    MARK: markOf(job.createdAtMs, job.id),
    QUEUE: queue ? queueKey(queue.rank, queue.model) : false,
    QUEUED_AT: job.queuedAtMs,
    DUE: dueAtMs ?? false,
    BACKLOG: job.state === 'queued' ? `${rankOf[job.priority]}:${model}` : false,
    ONCE: job.idempotencyKey === null ? false : sound(job.idempotencyKey),
    INPUT: hasBytes(job, 'input'),
    OUTPUT: hasBytes(job, 'output'),
    CANCEL: job.isCancelRequested,
    LAST_SEQ: job.lastSeq,
  };
  return JSON.stringify(fields.map((field) => record[field]));
}

/** What is told of a commit, out of the record it wrote. */
export function noteOfRecord(record: string): JobNote {
  const values: unknown[] = JSON.parse(record);
  const [id, version, state, model, group] = values as [
    string,
    number,
    JobState | false,
    string,
    string | false,
  ];
  return {
    id,
    model,
    group: group === false ? null : group,
    version,
    state: state === false ? null : state,
    isCancelRequested: values[fields.indexOf('CANCEL')] === true,
    lastSeq: Number(values[fields.indexOf('LAST_SEQ')]),
  };
}

/** Key of a queue below the root. */
export function queueKey(rank: number, model: string): string {
  return `queue:${rank}:${sound(model)}`;
}

/** A place in a list by time of creation: compared byte by byte it is the order by the instant (whole ms), then by id. */
export function markOf(createdAtMs: number, id: string): string {
  return `${String(createdAtMs).padStart(16, '0')}${sound(id)}`;
}

/** Lua's JSON refuses half of a surrogate pair, and Redis gets it as U+FFFD anyway. */
function sound(text: string): string {
  return text.toWellFormed();
}
