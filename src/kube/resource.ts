/** A kind as the API server serves it. */
export interface Resource {
  /** `apps/v1`, or `v1` for the core group. */
  readonly apiVersion: string;
  readonly kind: string;
  /** In paths: `deployments`. */
  readonly plural: string;
  readonly isNamespaced: boolean;
  readonly hasScale: boolean;
  readonly verbs: readonly string[];
}

/** Finds kinds through the discovery API; what was found is remembered, what was not is looked for again after a while. */
export interface Resources {
  /**
   * `apiVersion` null: any group that serves the kind, `apps` first. `kind` is taken in any case, also as plural or short
   * name (`deploy`, `sts`). Null: the server does not know it. Rejects with `KubeError` when it cannot be asked.
   */
  find(
    ref: { readonly apiVersion: string | null; readonly kind: string },
    signal: AbortSignal,
  ): Promise<Resource | null>;
}

/** Path of a collection. */
export function collectionPath({ apiVersion, plural }: Resource, namespace: string): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Path of one object. */
export function objectPath(resource: Resource, namespace: string, name: string): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}
