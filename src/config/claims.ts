import type { Path } from './path.ts';
import type { MatchSettings } from './settings.ts';
import { kindWordOf } from './workload.ts';

/** What of a model no other may have as well, raw or normalised. */
export interface Claim {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly match: Pick<MatchSettings, 'hosts' | 'paths' | 'headers'> | null;
  readonly backend:
    | { readonly driver: 'process' | 'static' }
    | {
        readonly driver: 'kubernetes';
        readonly namespace: string | null;
        readonly scaleTarget: { readonly kind: string; readonly name: string };
      };
}

/** One thing that another model has; `path` starts at the model. */
export interface Collision {
  readonly path: Path;
  readonly message: string;
}

/**
 * Who has which name, match rule and scale target. A target is one by its namespace (null: `ownNamespace`), kind and
 * name, whatever its group. Checks and additions are two steps: the caller decides what becomes of a model that collides.
 */
export class Claims {
  readonly #ownNamespace: string | null;
  readonly #names = new Set<string>();
  readonly #ownerByAlias = new Map<string, string>();
  readonly #ownerByRule = new Map<string, string>();
  readonly #ownerByTarget = new Map<string, string>();

  constructor(ownNamespace: string | null) {
    this.#ownNamespace = ownNamespace;
  }

  /** A name that is taken, whatever else its model has. */
  addName(name: string): void {
    this.#names.add(name);
  }

  /** Who already answers to `name`, in words that end a sentence; null: nobody. */
  ownerOfName(name: string): string | null {
    if (this.#names.has(name)) return 'is the name of a model';
    const owner = this.#ownerByAlias.get(name);
    return owner === undefined ? null : `is already an alias of ${owner}`;
  }

  /** What others have of the claim, its own name aside. */
  collisionsOf({ name, aliases, match, backend }: Claim): Collision[] {
    const collisions = aliases.flatMap((alias, index): Collision[] => {
      const isTwice = aliases.indexOf(alias) < index;
      const taken = this.ownerOfName(alias) ?? (isTwice ? `is already an alias of ${name}` : null);
      return taken === null ? [] : [{ path: ['aliases', index], message: `${alias} ${taken}` }];
    });
    const ruleOwner = match && this.#ownerByRule.get(ruleOf(match));
    if (ruleOwner) collisions.push({ path: ['match'], message: `is the same rule as that of ${ruleOwner}` });
    if (backend.driver !== 'kubernetes') return collisions;
    const owner = this.#ownerByTarget.get(this.#targetOf(backend));
    if (owner === undefined) return collisions;
    const { kind, name: target } = backend.scaleTarget;
    const message = `${kind}/${target} is already that of ${owner}: one count cannot have two models, use aliases for a second name`;
    return [...collisions, { path: ['backend', 'scaleTarget'], message }];
  }

  /** The claim is the model's from now on; what others had before stays theirs. */
  add({ name, aliases, match, backend }: Claim): void {
    this.#names.add(name);
    for (const alias of aliases) keep(this.#ownerByAlias, alias, name);
    if (match) keep(this.#ownerByRule, ruleOf(match), name);
    if (backend.driver === 'kubernetes') keep(this.#ownerByTarget, this.#targetOf(backend), name);
  }

  #targetOf({ namespace, scaleTarget }: Extract<Claim['backend'], { driver: 'kubernetes' }>): string {
    return `${namespace ?? this.#ownNamespace ?? ''}/${kindWordOf(scaleTarget.kind)}/${scaleTarget.name}`;
  }
}

function keep(ownerByKey: Map<string, string>, key: string, owner: string): void {
  if (!ownerByKey.has(key)) ownerByKey.set(key, owner);
}

function ruleOf({ hosts, paths, headers }: NonNullable<Claim['match']>): string {
  const pairs = Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value].join(':'));
  const plainPaths = paths.map((path) => path.replace(/\/$/, ''));
  return JSON.stringify([
    hosts.map((host) => host.toLowerCase()).toSorted(),
    plainPaths.toSorted(),
    pairs.toSorted(),
  ]);
}
