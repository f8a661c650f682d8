import type { Dialect, Protocol } from '../core/protocol.ts';
import type { PathMethods } from './other-methods.ts';

/** A path of the request port with all the methods it takes, and the dialect of its errors. */
export interface ServedPath extends PathMethods {
  readonly dialect: Dialect;
}

/** Where the models are listed, from the configuration. */
export const listing = { paths: ['/v1/models', '/v1/models/*'], methods: ['GET', 'HEAD'] } as const;

/** Every path that the request port serves without a match rule; WebSockets have none of their own here. */
export function servedPaths(protocols: readonly Protocol[], fallback: Dialect): ServedPath[] {
  const routes = protocols.flatMap((protocol) => protocol.routes).filter((route) => !route.isWebSocket);
  const served = [...Map.groupBy(routes, ({ path }) => path)].map(([path, same]) => ({
    path,
    methods: same.flatMap(({ methods }) => methods),
    dialect: same[0]!.dialect,
  }));
  return [...served, ...listing.paths.map((path) => ({ path, methods: listing.methods, dialect: fallback }))];
}
