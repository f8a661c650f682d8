import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

/** A Kubernetes object as it stands in a file. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  readonly spec?: Record<string, unknown>;
  readonly rules?: readonly Rule[];
  readonly [key: string]: unknown;
}

type Labels = Readonly<Record<string, string>>;

/** One rule of a Role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** One thing that a Role allows, as it would be asked for. */
export interface Grant {
  readonly group: string;
  /** With its subresource: `deployments/scale`. */
  readonly resource: string;
  readonly verb: string;
  /** Empty: any. */
  readonly name: string;
}

/** The Roles in each namespace that holds models, besides `models-namespace`, by the key of `rbac` in the chart's values. */
export const componentByKey: Readonly<Record<string, string>> = {
  deletionCost: 'deletion-cost',
  podLogs: 'pod-logs',
  keda: 'keda',
  leaderWorkerSet: 'leaderworkerset',
  kserve: 'kserve',
  knative: 'knative',
};

/** The objects of YAML text; throws at what is no YAML. */
export function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    const value = document.toJS() as Manifest | null;
    return value === null ? [] : [value];
  });
}

/** The objects of a file under deploy/. */
export function manifestsIn(file: string): Manifest[] {
  return manifestsOf(readFileSync(`deploy/${file}`, 'utf8'));
}

/** The only object of that kind and name (any, where none is given). */
export function onlyOf(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name),
  );
  if (found.length !== 1) throw new Error(`there are ${found.length} ${kind} ${name ?? ''}, not one`);
  return found[0]!;
}

/** Each single thing that the rules allow. */
function grantsOf(rules: readonly Rule[]): Grant[] {
  return rules.flatMap(({ apiGroups, resources, resourceNames = [''], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => resourceNames.map((name) => ({ group, resource, verb, name }))),
      ),
    ),
  );
}

/** What the gateway is granted for itself (`own`), for models (`models`), and by each optional Role. */
export function grantedByRole(): Readonly<Record<string, readonly Grant[]>> {
  const of = (file: string) => grantsOf(onlyOf(manifestsIn(`kustomize/${file}/role.yaml`), 'Role').rules!);
  const optional = Object.values(componentByKey).map((name) => [name, of(`components/${name}`)]);
  return { own: of('base'), models: of('models-namespace'), ...Object.fromEntries(optional) };
}
