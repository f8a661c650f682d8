import type { WakeInfo } from '../core/gate.ts';

/** A model as GET /v1/models shows it. */
interface ListedModel {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly createdS: number;
  readonly ownedBy: string;
}

/** The body of GET /v1/models. */
export function renderModelList(models: readonly ListedModel[]): string {
  return JSON.stringify({ object: 'list', data: models.map(modelObject) });
}

/** The body of GET /v1/models/{id}. */
export function renderModel(model: ListedModel): string {
  return JSON.stringify(modelObject(model));
}

/** The body of POST /v1/models/{id}/wake; `eta_ms` is null where nothing is known. */
export function renderWake(model: string, { state, step, detail, etaMs }: WakeInfo): string {
  const eta = etaMs === null ? null : Math.round(etaMs);
  return JSON.stringify({ object: 'model.wake', model, state, step, detail, eta_ms: eta });
}

function modelObject(model: ListedModel): object {
  return { id: model.id, object: 'model', created: model.createdS, owned_by: model.ownedBy };
}
