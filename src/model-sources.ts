import type { FoundModel, RefusedModel } from './config/merge-models.ts';
import { mergeModels } from './config/merge-models.ts';
import { needsFault } from './config/needs-fault.ts';
import { formatPath } from './config/path.ts';
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
    const unmet = unmetOf(this.#found, this.#file.shared);
    const met = this.#found.filter(
      ({ key, source }) => !unmet.some((one) => one.key === key && one.source === source),
    );
    const { models, refused } = mergeModels(this.#file.models, met, this.#ownNamespace);
    this.#refused = [...refused, ...unmet];
    this.#settings = { ...this.#file, models };
    return this.#settings;
  }
}

/** Those that need what the file does not have. */
function unmetOf(found: readonly FoundModel[], shared: Settings['shared']): RefusedModel[] {
  const { gpus, hostBytes } = shared ?? { gpus: [], hostBytes: null };
  return found.flatMap(({ settings, source, key }) => {
    const { needs, backend } = settings.revision;
    const fault = needsFault(needs, backend.driver, { gpus, hostBytes });
    if (fault === null) return [];
    return [{ source, key, message: `${formatPath(['needs', ...fault.path])}: ${fault.message}` }];
  });
}

function placedIn(ownNamespace: string | null, model: ModelSettings): ModelSettings {
  const { revision } = model;
  const { backend } = revision;
  if (backend.driver !== 'kubernetes' || backend.namespace !== null) return model;
  return { ...model, revision: { ...revision, backend: { ...backend, namespace: ownNamespace } } };
}
