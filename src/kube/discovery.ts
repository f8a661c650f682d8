import type { Clock } from '../core/clock.ts';
import { type KubeApi, KubeError } from './api.ts';
import type { Resource, Resources } from './resource.ts';

interface ApiResource {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly shortNames?: readonly string[];
  readonly verbs?: readonly string[];
}

interface Named {
  readonly resource: Resource;
  /** Lower case. */
  readonly names: ReadonlySet<string>;
}

/** How long what was not found is believed to be missing: a CRD may be installed at any time. */
const missingMs = 30_000;
/** How long a list is believed for what it has. */
const knownMs = 10 * 60_000;

interface Remembered<T> {
  readonly value: T;
  readonly atMs: number;
}

function namedOf(apiVersion: string, list: readonly ApiResource[]): Named[] {
  const names = new Set(list.map(({ name }) => name));
  return list
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, singularName = '', namespaced, kind, shortNames = [], verbs = [] }) => ({
      names: new Set([name, singularName, kind, ...shortNames].map((word) => word.toLowerCase())),
      resource: {
        apiVersion,
        kind,
        plural: name,
        isNamespaced: namespaced,
        hasScale: names.has(`${name}/scale`),
        verbs,
      },
    }));
}

class Discovery implements Resources {
  readonly #api: KubeApi;
  readonly #clock: Clock;
  readonly #kindsByVersion = new Map<string, Remembered<readonly Named[]>>();
  #versions: Remembered<readonly string[]> | null = null;

  constructor(api: KubeApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  async find(
    ref: { readonly apiVersion: string | null; readonly kind: string },
    signal: AbortSignal,
  ): Promise<Resource | null> {
    const kind = ref.kind.toLowerCase();
    const known = await this.#lookUp({ apiVersion: ref.apiVersion, kind, maxAgeMs: knownMs }, signal);
    return known ?? this.#lookUp({ apiVersion: ref.apiVersion, kind, maxAgeMs: missingMs }, signal);
  }

  async #lookUp(
    wanted: { readonly apiVersion: string | null; readonly kind: string; readonly maxAgeMs: number },
    signal: AbortSignal,
  ): Promise<Resource | null> {
    const { apiVersion, kind, maxAgeMs } = wanted;
    const apiVersions = apiVersion === null ? await this.#served(maxAgeMs, signal) : [apiVersion];
    for (const each of apiVersions) {
      const found = (await this.#kinds(each, maxAgeMs, signal)).find(({ names }) => names.has(kind));
      if (found !== undefined) return found.resource;
    }
    return null;
  }

  #isRecent<T>(remembered: Remembered<T> | null | undefined, maxAgeMs: number): remembered is Remembered<T> {
    return remembered != null && this.#clock.nowMs() - remembered.atMs < maxAgeMs;
  }

  /** The preferred version of each group, `apps` first, then the core, then in the server's order. */
  async #served(maxAgeMs: number, signal: AbortSignal): Promise<readonly string[]> {
    if (this.#isRecent(this.#versions, maxAgeMs)) return this.#versions.value;
    const answer = await this.#api.call<{
      groups?: readonly { name: string; preferredVersion?: { groupVersion: string } }[];
    }>({ method: 'GET', path: '/apis', signal });
    const preferred = (answer.groups ?? []).flatMap(
      ({ preferredVersion }) => preferredVersion?.groupVersion ?? [],
    );
    const isApps = (version: string) => version.startsWith('apps/');
    const value = [...preferred.filter(isApps), 'v1', ...preferred.filter((version) => !isApps(version))];
    this.#versions = { value, atMs: this.#clock.nowMs() };
    return value;
  }

  async #kinds(apiVersion: string, maxAgeMs: number, signal: AbortSignal): Promise<readonly Named[]> {
    const known = this.#kindsByVersion.get(apiVersion);
    if (this.#isRecent(known, maxAgeMs)) return known.value;
    const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    let value: readonly Named[] = [];
    try {
      const answer = await this.#api.call<{ resources?: readonly ApiResource[] }>({
        method: 'GET',
        path,
        signal,
      });
      value = namedOf(apiVersion, answer.resources ?? []);
    } catch (error) {
      // 404: no such group or version. 503: an aggregated API whose server is away must not hide the other groups.
      if (!(error instanceof KubeError) || (error.status !== 404 && error.status !== 503)) throw error;
    }
    this.#kindsByVersion.set(apiVersion, { value, atMs: this.#clock.nowMs() });
    return value;
  }
}

/** Kinds by `/apis` and `/apis/G/V`. */
export function createResources(api: KubeApi, clock: Clock): Resources {
  return new Discovery(api, clock);
}
