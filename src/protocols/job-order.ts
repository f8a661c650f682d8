import type { Invocation } from '../core/contract.ts';
import type { DeskModel, JobOrder } from '../core/desk.ts';
import type { SurfaceName, SurfaceRequest } from '../core/surface.ts';

/** What every order says. */
export interface OrderParts {
  readonly surface: SurfaceName;
  readonly model: DeskModel;
  /** Its id is the job's. */
  readonly invocation: Invocation;
  readonly request: SurfaceRequest;
}

/**
 * An order with the configuration's limits, of normal priority, of which nobody is told, with the client's Idempotency-Key. What
 * the model's backend cannot be asked is refused here, and not by a job that fails later: throws invalid_body, bad_request.
 */
export function orderOf({ surface, model, invocation, request }: OrderParts): JobOrder {
  model.contract.call(invocation, model.contractModel);
  return {
    id: invocation.id,
    surface,
    model: model.name,
    invocation,
    priority: 'normal',
    limits: {},
    webhook: null,
    group: null,
    idempotencyKey: request.headers['idempotency-key'] ?? null,
    meta: {},
  };
}
