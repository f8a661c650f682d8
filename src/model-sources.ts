import type { FoundModel, RefusedModel } from './config/merge-models.ts';
import { mergeModels } from './config/merge-models.ts';
import type { ModelSettings, Settings } from './config/settings.ts';

/** The models of the file and those that were found in the cluster, as one configuration. */
export class ModelSources {
  readonly #ownNamespace: string | null;
  #file: Settings;
  #found: readonly FoundModel[] = [];
  #refused: readonly RefusedModel[] = [];
  #settings: Settings;

  /** `ownNamespace`: of the gateway in its cluster, or null. */
  constructor(file: Settings, ownNamespace: string | null) {
    this.#ownNamespace = ownNamespace;
    this.#file = this.#placed(file);
    this.#settings = this.#file;
  }

  /** What holds now. */
  get settings(): Settings {
    return this.#settings;
  }

  /** Found models that lost a conflict, with what they lost it to. */
  get refused(): readonly RefusedModel[] {
    return this.#refused;
  }

  takeFile(file: Settings): Settings {
    this.#file = this.#placed(file);
    return this.#merge();
  }

  takeFound(found: readonly FoundModel[]): Settings {
    this.#found = found;
    return this.#merge();
  }

  /** With the namespaces that are not written, so that a model that moves to an object of its own keeps its replicas. */
  #placed(file: Settings): Settings {
    const models = [...file.models].map(
      ([name, model]) => [name, placedIn(this.#ownNamespace, model)] as const,
    );
    return { ...file, models: new Map(models) };
  }

  #merge(): Settings {
    const { models, refused } = mergeModels(this.#file.models, this.#found, this.#ownNamespace);
    this.#refused = refused;
    this.#settings = { ...this.#file, models };
    return this.#settings;
  }
}

function placedIn(ownNamespace: string | null, model: ModelSettings): ModelSettings {
  const { revision } = model;
  const { backend } = revision;
  if (backend.driver !== 'kubernetes' || backend.namespace !== null) return model;
  return { ...model, revision: { ...revision, backend: { ...backend, namespace: ownNamespace } } };
}
