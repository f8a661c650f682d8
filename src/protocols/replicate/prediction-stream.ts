import type { Contract } from '../../core/contract.ts';
import type { Job, JobEvent } from '../../core/job.ts';
import type { JsonValue } from '../../core/json.ts';
import { sseEvent } from '../surface-json.ts';

/** What a stream is made of besides the events. */
export interface StreamParts {
  readonly contract: Contract;
  /** The prediction as it ended, with its whole answer; null where there is none. */
  end(): Promise<{ readonly job: Job | null; readonly answer: Buffer | null }>;
}

/**
 * Replicate's stream of a prediction: `output` with text, `error`, and `done`, which says why where it did not succeed. One
 * whose backend gave no pieces has its whole output in one event.
 */
export async function* streamOf(follow: AsyncIterable<JobEvent>, parts: StreamParts): AsyncGenerator<string> {
  let hasOutput = false;
  for await (const { seq, type, data } of follow) {
    const id = String(seq);
    if (type === 'logs') yield sseEvent({ event: 'logs', id, data });
    // What an attempt that broke had given stays with the client, who is told that it starts again.
    if (type === 'reset') yield sseEvent({ event: 'logs', id, data: 'the prediction begins again' });
    if (type !== 'output') continue;
    const piece = parts.contract.piece(data);
    if (piece === null) continue;
    hasOutput = true;
    yield sseEvent({ event: 'output', id, data: shown(piece, parts.contract) });
  }
  yield* ending(await parts.end(), parts.contract, hasOutput);
}

function* ending(
  { job, answer }: Awaited<ReturnType<StreamParts['end']>>,
  contract: Contract,
  hasOutput: boolean,
): Generator<string> {
  if (job?.state === 'succeeded') {
    if (!hasOutput && answer !== null) {
      const { status, contentType } = job.result!;
      const { output } = contract.outcome({ status, contentType, body: answer });
      for (const one of Array.isArray(output) ? (output as readonly JsonValue[]) : [output]) {
        yield sseEvent({ event: 'output', data: shown(one, contract) });
      }
    }
    yield sseEvent({ event: 'done', data: '{}' });
    return;
  }
  const isCanceled = job?.state === 'canceled';
  if (!isCanceled) {
    const detail = job?.error?.message ?? 'the prediction is not kept any more';
    yield sseEvent({ event: 'error', data: JSON.stringify({ detail }) });
  }
  yield sseEvent({ event: 'done', data: JSON.stringify({ reason: isCanceled ? 'canceled' : 'error' }) });
}

function shown(value: JsonValue, contract: Contract): string {
  return contract.textOf(value) ?? JSON.stringify(value);
}
