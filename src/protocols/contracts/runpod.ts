import type { Contract, Outcome } from '../../core/contract.ts';
import { isJsonObject } from '../surface-json.ts';
import type { Answer } from './answer.ts';
import { failed, messageOf, plainOutcome, plainPiece } from './answer.ts';
import { callOf, writtenCall } from './call.ts';
import { numbersOf } from './cog.ts';
import { textOf } from './text.ts';

/**
 * A handler of RunPod served by its SDK (`--rp_serve_api`): POST /runsync takes `{id, input}` and answers with the job, whole: what a
 * generator yields comes as one list, so nothing is streamed.
 */
export const runpodContract: Contract = {
  name: 'runpod',
  hasVerdictInBody: true,
  call(invocation, model) {
    const { path, id } = invocation;
    if (path !== null) return writtenCall({ ...invocation, path }, model);
    const call = callOf(invocation, model.path ?? '/runsync', (input) => ({ id, input }));
    return { ...call, isStream: false };
  },
  outcome: outcomeOf,
  piece: plainPiece,
  textOf,
};

/** https://docs.runpod.io/serverless/endpoints/operation-reference; an answer without a status is the output. */
function outcomeOf(answer: Answer): Outcome {
  const outcome = plainOutcome(answer);
  const job = outcome.output;
  if (outcome.error !== null || !isJsonObject(job) || typeof job.status !== 'string') return outcome;
  const { status, output = null, error, delayTime, executionTime } = job;
  if (status !== 'COMPLETED') {
    return failed(error === undefined || error === null ? `the job ended as ${status}` : messageOf(error));
  }
  const metrics = numbersOf({
    ...(delayTime === undefined ? {} : { delayTime }),
    ...(executionTime === undefined ? {} : { executionTime }),
  });
  return { output, error: null, logs: null, metrics };
}
