import { KubeError, type PatchType } from '../../kube/api.ts';
import { objectPath } from '../../kube/resource.ts';
import type { KubernetesDriverOptions } from './driver-options.ts';
import { projectScale } from './scale-object.ts';
import type { ResolvedTarget } from './scale-target.ts';
import type { Count, WriteLimits } from './scale-writer.ts';

/** The subresource `scale` of one object. */
export class ScaleApi {
  readonly #options: KubernetesDriverOptions;
  readonly #path: string;

  constructor(options: KubernetesDriverOptions, { resource, namespace, name }: ResolvedTarget) {
    this.#options = options;
    this.#path = `${objectPath(resource, namespace, name)}/scale`;
  }

  /** Rejects with `KubeError`, or with the signal's reason. */
  async read(limits: WriteLimits): Promise<Count & { readonly selector: string }> {
    const { api } = this.#options;
    return projectScale(await api.call({ method: 'GET', path: this.#path, ...limits }));
  }

  /** With the version that it was decided on: `conflict` where the object has changed since. */
  write(from: Count, replicas: number, limits: WriteLimits): Promise<Count | 'conflict'> {
    const body = { metadata: { resourceVersion: from.resourceVersion }, spec: { replicas } };
    return this.#patch({ patchType: 'application/merge-patch+json', body, conflict: 409 }, limits);
  }

  /** With the count that it was decided on, above 0 (which is left out): the server looks whether it still stands. */
  writeWhereCounted(from: Count, replicas: number, limits: WriteLimits): Promise<Count | 'conflict'> {
    const path = '/spec/replicas';
    const body = [
      { op: 'test', path, value: from.replicas },
      { op: 'replace', path, value: replicas },
    ];
    return this.#patch({ patchType: 'application/json-patch+json', body, conflict: 422 }, limits);
  }

  async #patch(
    { conflict, ...patch }: { patchType: PatchType; body: unknown; conflict: number },
    limits: WriteLimits,
  ): Promise<Count | 'conflict'> {
    const { api, fieldManager } = this.#options;
    const path = `${this.#path}?fieldManager=${encodeURIComponent(fieldManager)}`;
    try {
      return projectScale(await api.call({ method: 'PATCH', path, ...patch, ...limits }));
    } catch (error) {
      if (error instanceof KubeError && (error.status === conflict || error.status === 409))
        return 'conflict';
      throw error;
    }
  }
}
