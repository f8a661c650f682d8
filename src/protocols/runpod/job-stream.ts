import type { Desk, DeskModel } from '../../core/desk.ts';
import type { Job, JobEvent } from '../../core/job.ts';
import { isEnded } from '../../core/job.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { Caller } from '../../core/surface.ts';
import { readWhole } from '../read-whole.ts';
import { statusOf } from './job-view.ts';

const cursorKind = 'runpod-stream';
/** An answer without anything new is given after that long, and the client asks again. */
const patienceMs = 30_000;
const shownEvents = 1_024;

/** What a stream is read from. */
interface StreamOf {
  readonly job: Job;
  readonly model: DeskModel;
  readonly desk: Desk;
  readonly caller: Caller;
}

/**
 * What `/stream` answers: the pieces that were not given out yet, once there is one, or the job has ended. How far a job was
 * read is kept in the store, as on RunPod, where a piece is given once whoever asks.
 */
export async function readStream(of: StreamOf): Promise<JsonObject> {
  const { desk, caller } = of;
  const { id } = of.job;
  const cursor = await desk.jobs.documents.get(cursorKind, id);
  const afterSeq = typeof cursor?.data.seq === 'number' ? cursor.data.seq : 0;
  const job = await untilSomething(of, afterSeq);
  const events = await desk.jobs.events(id, afterSeq, shownEvents, caller);
  const pieces = piecesOf(events, of.model);
  const isRead = afterSeq > 0 || pieces.length > 0;
  const isLate = isEnded(job.state) && !isRead && job.state === 'succeeded' && job.result !== null;
  const last = events.at(-1)?.seq ?? afterSeq;
  if (last > afterSeq) {
    const expiresAtMs = desk.wallMs() + job.limits.keepMs + patienceMs;
    const document = { kind: cursorKind, id, tenant: caller.tenant, createdAtMs: desk.wallMs(), expiresAtMs };
    // Two who read the same stream at once are each told of what the other gets: RunPod tells one of them.
    await desk.jobs.documents.put({ ...document, data: { seq: last } }, cursor?.version ?? 0);
  }
  const stream = isLate ? [await wholeOutput(of, job)] : pieces;
  return { status: statusOf(job), stream: stream.map((output) => ({ output })) };
}

/** The job once there is a piece after `afterSeq`, or it has ended, or patience is. */
async function untilSomething({ job, desk, caller }: StreamOf, afterSeq: number): Promise<Job> {
  const patience = desk.jobs.wait(job.id, patienceMs, caller);
  const follow = desk.jobs.follow(job.id, afterSeq, caller)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([follow.next(), patience.then(() => null)]);
      if (next === null || next.done === true || next.value.type === 'output') break;
    }
  } finally {
    await follow.return?.();
  }
  return (await desk.jobs.get(job.id, caller)) ?? job;
}

function piecesOf(events: readonly JobEvent[], { contract }: DeskModel): JsonValue[] {
  return events
    .filter(({ type }) => type === 'output')
    .map(({ data }) => contract.piece(data))
    .filter((piece) => piece !== null);
}

async function wholeOutput({ model, desk }: StreamOf, job: Job): Promise<JsonValue> {
  const { status, contentType } = job.result!;
  const body = await readWhole(desk.jobs.read(job, 'output'));
  return model.contract.outcome({ status, contentType, body }).output;
}
