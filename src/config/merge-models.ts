import { Claims } from './claims.ts';
import { formatPath } from './path.ts';
import type { ModelSettings } from './settings.ts';

/** A model that was found in the cluster. */
export interface FoundModel {
  readonly settings: ModelSettings;
  /** `model`: an object of kind Model; `annotations`: a workload. */
  readonly source: 'model' | 'annotations';
  /** creationTimestamp of the object. */
  readonly createdAtMs: number;
  /** `namespace/name` of the object; tells it from others of its source, and decides between two of one age. */
  readonly key: string;
}

/** A found model that is not served. */
export interface RefusedModel {
  readonly source: FoundModel['source'];
  readonly key: string;
  /** What it lost, and to whom. */
  readonly message: string;
}

/**
 * The models of the file and those found, without two that share a name, an alias, a match rule or a scale target. The
 * file wins over Model objects, these over annotations; within one source the older object, then the smaller key. Who
 * loses is refused whole. `ownNamespace`: where targets of the file are that name no namespace.
 */
export function mergeModels(
  file: ReadonlyMap<string, ModelSettings>,
  found: readonly FoundModel[],
  ownNamespace: string | null = null,
): { models: ReadonlyMap<string, ModelSettings>; refused: readonly RefusedModel[] } {
  const claims = new Claims(ownNamespace);
  const models = new Map(file);
  for (const settings of file.values()) claims.add(claimOf(settings));
  const refused: RefusedModel[] = [];
  for (const { settings, source, key } of found.toSorted(byPrecedence)) {
    const message = lossOf(settings, claims);
    if (message !== null) {
      refused.push({ source, key, message });
      continue;
    }
    claims.add(claimOf(settings));
    models.set(settings.name, settings);
  }
  return { models, refused };
}

function byPrecedence(a: FoundModel, b: FoundModel): number {
  if (a.source !== b.source) return a.source === 'model' ? -1 : 1;
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs;
  return a.key < b.key ? -1 : Number(a.key > b.key);
}

function claimOf({ name, aliases, match, revision: { backend } }: ModelSettings) {
  return { name, aliases, match, backend };
}

function lossOf(settings: ModelSettings, claims: Claims): string | null {
  const owner = claims.ownerOfName(settings.name);
  const name = owner === null ? [] : [`${settings.name} ${owner}`];
  const rest = claims
    .collisionsOf(claimOf(settings))
    .map(({ path, message }) => `${formatPath(path)}: ${message}`);
  const all = [...name, ...rest];
  return all.length === 0 ? null : all.join('; ');
}
