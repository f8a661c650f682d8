import type { Contract } from '../../core/contract.ts';
import { plainOutcome, plainPiece } from './answer.ts';
import { callOf, writtenCall } from './call.ts';
import { textOf } from './text.ts';

/** Any HTTP service: what the client sent goes to one path with the client's method, and the answer is the output. */
export const rawContract: Contract = {
  name: 'raw',
  call(invocation, model) {
    const { path, method } = invocation;
    if (path !== null) return writtenCall({ ...invocation, path }, model);
    return { ...callOf(invocation, model.path ?? '/', (input) => input), method };
  },
  outcome: plainOutcome,
  piece: plainPiece,
  textOf,
};
