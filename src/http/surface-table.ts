import type { IncomingHttpHeaders } from 'node:http';
import type { Surface, SurfaceDialect, SurfaceRoute } from '../core/surface.ts';
import { type SurfacePattern, surfacePattern } from './surface-pattern.ts';

/** A surface where it is served. */
export interface ServedSurface {
  readonly surface: Surface;
  /** Empty or `/a/b`. */
  readonly prefix: string;
  readonly routes: readonly SurfaceRoute[];
}

/** A route of a surface where it is served. */
export interface SurfaceEntry {
  readonly served: ServedSurface;
  readonly route: SurfaceRoute;
  readonly pattern: SurfacePattern;
  readonly dialect: SurfaceDialect;
}

/** What a table says to a request. */
export type SurfaceFind =
  /** `params` are still encoded. */
  | {
      readonly kind: 'route';
      readonly entry: SurfaceEntry;
      readonly params: Readonly<Record<string, string>>;
    }
  /** The path is served, for these methods. */
  | { readonly kind: 'method'; readonly entry: SurfaceEntry; readonly methods: readonly string[] }
  /** Nothing else can be there: the prefix is the surface's own. */
  | { readonly kind: 'path'; readonly served: ServedSurface };

/** The head of a request, as far as a table looks at it. */
export interface SurfaceHead {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** All routes of the surfaces of one listener. */
export class SurfaceTable {
  readonly #served: readonly ServedSurface[];
  readonly #entries: readonly SurfaceEntry[];

  constructor(served: readonly ServedSurface[]) {
    this.#served = served;
    this.#entries = served.flatMap(entriesOf).toSorted(byTurn);
  }

  get isEmpty(): boolean {
    return this.#served.length === 0;
  }

  /** null: it is no surface's. */
  find(head: SurfaceHead): SurfaceFind | null {
    const path = plainColons(head.path);
    const methods = new Set<string>();
    let other: SurfaceEntry | null = null;
    for (const entry of this.#entries) {
      const params = entry.pattern.match(path);
      if (params === null || entry.route.takes?.(head.headers) === false) continue;
      if (entry.route.methods.includes(head.method)) return { kind: 'route', entry, params };
      for (const method of entry.route.methods) methods.add(method);
      other ??= entry;
    }
    if (other !== null) return { kind: 'method', entry: other, methods: [...methods] };
    const served = this.#served.find(({ prefix }) => prefix !== '' && path.startsWith(`${prefix}/`));
    return served === undefined ? null : { kind: 'path', served };
  }

  /** Whether any request for this path (of a protocol, without parameters) may be a surface's. */
  mayTake(path: string): boolean {
    return this.#entries.some(({ pattern }) => pattern.match(path) !== null);
  }

  /** How errors about this path are written; null: it is no surface's. */
  dialectOf(path: string): SurfaceDialect | null {
    const plain = plainColons(path);
    const entry = this.#entries.find(({ pattern }) => pattern.match(plain) !== null);
    if (entry !== undefined) return entry.dialect;
    const served = this.#served.find(({ prefix }) => prefix !== '' && plain.startsWith(`${prefix}/`));
    return served?.surface.dialect ?? null;
  }

  /** Routes that two surfaces serve in the same place, each told once, for who has to choose. */
  clashes(): readonly { readonly first: string; readonly second: string; readonly route: string }[] {
    const owners = new Map<string, string>();
    const found: { first: string; second: string; route: string }[] = [];
    for (const { served, route, pattern } of this.#entries) {
      if (route.takes !== undefined) continue;
      for (const method of route.methods) {
        const key = `${method} ${pattern.shape}`;
        const first = owners.get(key);
        const second = served.surface.name;
        owners.set(key, first ?? second);
        const isKnown = found.some((clash) => clash.first === first && clash.second === second);
        if (first === undefined || first === second || isKnown) continue;
        found.push({ first, second, route: `${method} ${served.prefix}${route.path}` });
      }
    }
    return found;
  }
}

function entriesOf(served: ServedSurface): SurfaceEntry[] {
  const { surface, prefix } = served;
  return served.routes.flatMap((route) => {
    const dialect = route.dialect ?? surface.dialect;
    const entry = (path: string) => ({ served, route, dialect, pattern: surfacePattern(path) });
    // Whose base URL ends with the prefix asks for that.
    const isRoot = route.path === '/' && prefix !== '';
    return isRoot ? [entry(prefix), entry(`${prefix}/`)] : [entry(prefix + route.path)];
  });
}

/** Some clients encode the colon before a verb. */
function plainColons(path: string): string {
  return path.includes('%3') ? path.replaceAll(/%3a/gi, ':') : path;
}

/** Who is asked first: the more exact path, and of two the route that takes but some of the requests. */
function byTurn(a: SurfaceEntry, b: SurfaceEntry): number {
  const choosy = ({ route }: SurfaceEntry) => (route.takes === undefined ? 1 : 0);
  return compare(a.pattern.rank, b.pattern.rank) || choosy(a) - choosy(b);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
