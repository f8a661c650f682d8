import type { PriorityClass } from './admission/waiter.ts';
import type { Ask, DeskAnswer, DeskModel } from './core/desk.ts';
import { PilotlightError } from './core/errors.ts';
import { ErrandAnswer } from './errand-answer.ts';
import type { Pipeline } from './pipeline.ts';
import { translated } from './protocols/translated.ts';

/**
 * Asks a model for a surface, through its gate as a live request (`Desk.ask`): resolves with the head of the answer, rejects
 * with a PilotlightError, or with the reason of the caller's signal when that aborts.
 */
export async function askModel(pipeline: Pipeline, model: DeskModel, ask: Ask): Promise<DeskAnswer> {
  const { invocation, caller, patienceMs, priority, runMs } = ask;
  const call = model.contract.call(invocation, model.contractModel);
  const answer = new ErrandAnswer(
    pipeline,
    {
      requestId: caller.requestId,
      key: caller.tenant === '' ? null : caller.tenant,
      model: model.name,
      call,
      priority: Math.max(priority, caller.highestClass) as PriorityClass,
      patienceMs,
      runLimit: runMs === undefined ? null : { ms: runMs, error: ranTooLong(runMs) },
    },
    caller.signal,
  );
  const head = await answer.head;
  const { translator } = call;
  return { ...head, body: translator === undefined ? answer : translated(answer, head, translator) };
}

function ranTooLong(runMs: number): PilotlightError {
  return new PilotlightError('backend_timeout', `backend timed out: the request may run for ${runMs} ms`);
}
