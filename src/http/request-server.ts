import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { KeyPair } from '../config/certificate.ts';
import type { ModelSettings, ServerSettings } from '../config/settings.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Dialect, Protocol, ProtocolRoute } from '../core/protocol.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Lane } from '../relay/traffic.ts';
import type { KeyRing } from './auth.ts';
import type { Connections } from './connections.ts';
import { corsOptions } from './cors.ts';
import { Door, headOf } from './door.ts';
import { createListener } from './listener.ts';
import { asksToWake, ModelPages } from './model-pages.ts';
import { routeOtherMethods } from './other-methods.ts';
import { listing, type ServedPath, servedPaths } from './served-paths.ts';
import type { SurfaceDoor } from './surface-door.ts';
import type { SurfaceTable } from './surface-table.ts';
import { serveUpgrades } from './upgrade.ts';

/** What the request port serves. `settings` and `models` are read for each request, so that a reload is seen. */
export interface RequestServerOptions {
  readonly server: ServerSettings;
  readonly tls: KeyPair | null;
  readonly connections: Connections;
  /** What takes connections that speak HTTP/2. */
  readonly http2: Lane;
  readonly protocols: readonly Protocol[];
  readonly dialect: Dialect;
  readonly pipeline: Pipeline;
  readonly keyRing: () => KeyRing;
  readonly models: () => ReadonlyMap<string, ModelSettings>;
  /** Epoch seconds told as `created` of every model. */
  readonly createdS: number;
  /** The platforms' APIs on this port; null: there are none. */
  readonly surfaces: { readonly table: SurfaceTable; readonly door: SurfaceDoor } | null;
}

/** Serves a request where it is a surface's, by what the table says of it; false: it is not. */
type TakeSurface = (request: FastifyRequest, reply: FastifyReply, kinds: 'route' | 'all') => boolean;

/** The request port: protocols, match rules, what is under /v1/models; nothing else. */
export async function createRequestServer(options: RequestServerOptions): Promise<FastifyInstance> {
  const { server, tls, connections, http2 } = options;
  const served = servedPaths(options.protocols, options.dialect);
  const fastify = createListener({
    limits: server.limits,
    tls,
    connections,
    http2,
    dialectOf: dialectsOf(served, options),
  });
  if (server.corsOrigins.length > 0) {
    // Loaded only where it is asked for: most gateways have no browsers as clients.
    const { default: cors } = await import('@fastify/cors');
    await fastify.register(cors, corsOptions(server.corsOrigins));
  }
  const door = new Door(options);
  const pages = new ModelPages(options);
  const takeSurface = surfaceTaker(options, door);
  routeProtocols(fastify, options, { door, takeSurface });
  for (const url of listing.paths) {
    const handler = (request: FastifyRequest, reply: FastifyReply) => {
      if (!takeSurface(request, reply, 'route')) pages.list(request.raw, reply);
    };
    fastify.route({ method: [...listing.methods], url, handler });
  }
  for (const path of served) {
    routeOtherMethods(fastify, path, (request, reply, error) => {
      if (takeSurface(request, reply, 'route')) return;
      // A match rule goes before: its backend may know the path as its own.
      if (asksToWake(request.raw) && !door.isMatched(request.raw)) pages.wake(request.raw, reply);
      else door.take(request.raw, reply, refusingRoute(path, error));
    });
  }
  takeTheRest(fastify, { door, takeSurface }, server.corsOrigins.length > 0);
  takeWebSockets(fastify, door, options.protocols);
  return fastify;
}

interface Takers {
  readonly door: Door;
  readonly takeSurface: TakeSurface;
}

/** A surface goes before the protocols, as who switches it on wants it, and a match rule before both. */
function surfaceTaker({ surfaces }: RequestServerOptions, door: Door): TakeSurface {
  if (surfaces === null) return () => false;
  return (request, reply, kinds) => {
    const { raw } = request;
    const found = surfaces.table.find({ ...headOf(raw), headers: raw.headers });
    if (found === null || (kinds === 'route' && found.kind !== 'route') || door.isMatched(raw)) return false;
    surfaces.door.take(request, reply, found);
    return true;
  };
}

/** What no surface has to do with costs what it costs without surfaces. */
function routeProtocols(
  fastify: FastifyInstance,
  { protocols, surfaces }: RequestServerOptions,
  { door, takeSurface }: Takers,
): void {
  for (const route of protocols.flatMap((protocol) => protocol.routes)) {
    if (route.isWebSocket) continue;
    const take = (request: FastifyRequest, reply: FastifyReply) => door.take(request.raw, reply, route);
    const takeShared = (request: FastifyRequest, reply: FastifyReply) => {
      if (!takeSurface(request, reply, 'route')) take(request, reply);
    };
    fastify.route({
      method: [...route.methods],
      url: route.path,
      // Taken before Fastify looks at the body, which is not its business here; the handler is never reached.
      onRequest: surfaces?.table.mayTake(route.path) ? takeShared : take,
      handler: () => undefined,
    });
  }
}

/** Opening handshakes on a protocol's WebSockets and on what match rules take; without one such a path is no page. */
function takeWebSockets(fastify: FastifyInstance, door: Door, protocols: readonly Protocol[]): void {
  const routes = protocols.flatMap((protocol) => protocol.routes).filter((route) => route.isWebSocket);
  const byPath = new Map(routes.map((route) => [route.path, route]));
  serveUpgrades(fastify.server, (arrival) =>
    door.takeUpgrade(arrival, byPath.get(headOf(arrival.req).path) ?? null),
  );
  for (const { path, methods, dialect } of routes) {
    const error = () =>
      new PilotlightError('upgrade_required', `${path} is a WebSocket`, {
        headers: ['upgrade', 'websocket'],
      });
    fastify.route({
      method: [...methods],
      url: path,
      onRequest: (request, reply) =>
        door.take(request.raw, reply, refusingRoute({ path, methods, dialect }, error)),
      handler: () => undefined,
    });
  }
}

/** Any other path: only a surface or a match rule can take it. With CORS, OPTIONS has a route by then. */
function takeTheRest(fastify: FastifyInstance, { door, takeSurface }: Takers, hasCors: boolean): void {
  const take = (request: FastifyRequest, reply: FastifyReply) => {
    if (!takeSurface(request, reply, 'all')) door.take(request.raw, reply, null);
  };
  const method = fastify.supportedMethods.filter((name) => !(hasCors && name === 'OPTIONS'));
  fastify.route({ method, url: '*', onRequest: take, handler: () => undefined });
  // For what CORS does not answer, and targets that are no path.
  fastify.setNotFoundHandler(take);
}

/** A route that nothing may take but a match rule: the path is served, the method is not. */
function refusingRoute({ path, dialect }: ServedPath, error: () => PilotlightError): ProtocolRoute {
  const parser = () => {
    throw error();
  };
  return { methods: [], path, dialect, modelIn: 'query', parser };
}

/** The dialect that a path is answered in before, or without, a route having been found. */
function dialectsOf(
  served: readonly ServedPath[],
  { dialect: fallback, surfaces }: RequestServerOptions,
): (req: IncomingMessage | null) => Dialect {
  const byPath = new Map(served.map(({ path, dialect }) => [path, dialect]));
  return (req) => {
    if (req === null) return fallback;
    const { path } = headOf(req);
    return byPath.get(path) ?? surfaces?.table.dialectOf(path) ?? fallback;
  };
}
