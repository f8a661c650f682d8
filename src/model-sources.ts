import type { FoundModel, RefusedModel } from './config/merge-models.ts';
import { mergeModels } from './config/merge-models.ts';
import type { Settings } from './config/settings.ts';

/** The models of the file and those that were found in the cluster, as one configuration. */
export class ModelSources {
  readonly #ownNamespace: string | null;
  #file: Settings;
  #found: readonly FoundModel[] = [];
  #refused: readonly RefusedModel[] = [];
  #settings: Settings;

  /** `ownNamespace`: of the gateway in its cluster, or null. */
  constructor(file: Settings, ownNamespace: string | null) {
    this.#file = file;
    this.#ownNamespace = ownNamespace;
    this.#settings = file;
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
    this.#file = file;
    return this.#merge();
  }

  takeFound(found: readonly FoundModel[]): Settings {
    this.#found = found;
    return this.#merge();
  }

  #merge(): Settings {
    const { models, refused } = mergeModels(this.#file.models, this.#found, this.#ownNamespace);
    this.#refused = refused;
    this.#settings = { ...this.#file, models };
    return this.#settings;
  }
}
