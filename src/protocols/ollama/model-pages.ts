import type { DeskModel } from '../../core/desk.ts';
import type { JsonObject } from '../../core/json.ts';

/** What the gateway does not know of a model, in the form that clients can read. */
const unknownDetails = {
  parent_model: '',
  format: '',
  family: '',
  families: [],
  parameter_size: '',
  quantization_level: '',
};

/** `/api/tags`: every model and alias of the configuration, asleep or not. */
export function renderTags(models: readonly DeskModel[], wallMs: number): JsonObject {
  return { models: models.flatMap((model) => namesOf(model).map((name) => entryOf(name, wallMs))) };
}

/** `/api/ps`: those that are up. */
export function renderRunning(models: readonly DeskModel[], wallMs: number): JsonObject {
  const up = models.filter((model) => model.readyReplicas > 0);
  // When each will be ended is decided by its idle time: Ollama's word for "not known" is its zero time.
  return {
    models: up.map(({ name }) => ({
      ...entryOf(name, wallMs),
      expires_at: '0001-01-01T00:00:00Z',
      size_vram: 0,
    })),
  };
}

/** `/api/show`: what is known without asking the backend. */
export function renderShown(wallMs: number): JsonObject {
  return {
    modelfile: '',
    parameters: '',
    template: '',
    details: unknownDetails,
    model_info: {},
    capabilities: ['completion'],
    modified_at: new Date(wallMs).toISOString(),
  };
}

function namesOf({ name, aliases }: DeskModel): readonly string[] {
  return [name, ...aliases];
}

function entryOf(name: string, wallMs: number): JsonObject {
  const modified_at = new Date(wallMs).toISOString();
  return { name, model: name, modified_at, size: 0, digest: '', details: unknownDetails };
}
