import type { Contract } from '../../core/contract.ts';
import { plainOutcome, plainPiece } from './answer.ts';
import { callOf, writtenCall } from './call.ts';
import { textOf } from './text.ts';

/**
 * A SageMaker container: POST /invocations takes what the client sent, of any type, and streams where it wants to
 * (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html).
 */
export const sagemakerContract: Contract = {
  name: 'sagemaker',
  call(invocation, model) {
    const { path } = invocation;
    if (path !== null) return writtenCall({ ...invocation, path }, model);
    return callOf(invocation, model.path ?? '/invocations', (input) => input);
  },
  outcome: plainOutcome,
  piece: plainPiece,
  textOf,
};
