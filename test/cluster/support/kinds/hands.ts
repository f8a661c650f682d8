import { type KubeApi, KubeError, type Method } from '../../../../src/kube/api.ts';

/** An object of the API, as far as played controllers look at it. */
export interface Manifest {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly namespace: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** What a played controller does with the API server. */
export class Hands {
  readonly #api: KubeApi;
  readonly #signal: AbortSignal;

  constructor(api: KubeApi, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
  }

  async list(path: string): Promise<readonly Manifest[]> {
    const request = { method: 'GET', path, signal: this.#signal } as const;
    return (await this.#api.call<{ items: readonly Manifest[] }>(request)).items;
  }

  /** One that is there already (or still, while it ends) stays as it is. */
  create(collection: string, body: object): Promise<void> {
    return this.#send('POST', collection, body);
  }

  /** One that is gone already is no error. */
  remove(path: string): Promise<void> {
    return this.#send('DELETE', path);
  }

  setStatus(path: string, status: object): Promise<void> {
    return this.#send('PATCH', `${path}/status`, { status });
  }

  async #send(method: Method, path: string, body?: object): Promise<void> {
    const patch = method === 'PATCH' ? ({ patchType: 'application/merge-patch+json' } as const) : {};
    try {
      await this.#api.call({ method, path, body, ...patch, signal: this.#signal });
    } catch (error) {
      if (!(error instanceof KubeError && [404, 409].includes(error.status))) throw error;
    }
  }
}
