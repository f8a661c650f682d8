import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { KeyPair } from '../config/certificate.ts';
import type { ServerSettings } from '../config/settings.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Dialect } from '../core/protocol.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Connections } from './connections.ts';
import { corsOptions } from './cors.ts';
import { fieldsOf, headOf } from './door.ts';
import { requestIdOf } from './head.ts';
import { createListener } from './listener.ts';
import type { SurfaceDoor } from './surface-door.ts';
import type { SurfaceTable } from './surface-table.ts';

/** What a port is built from that serves surfaces and nothing else. */
export interface SurfaceListenerOptions {
  readonly server: ServerSettings;
  readonly tls: KeyPair | null;
  readonly connections: Connections;
  readonly pipeline: Pipeline;
  readonly table: SurfaceTable;
  readonly door: SurfaceDoor;
  /** How errors are written that are about no surface's path. */
  readonly dialect: Dialect;
}

/** A port of its own for surfaces: what they do not serve is route_not_found. */
export async function createSurfaceListener(options: SurfaceListenerOptions): Promise<FastifyInstance> {
  const { server, tls, connections, table, door, dialect, pipeline } = options;
  const dialectOf = (path: string) => table.dialectOf(path) ?? dialect;
  const fastify = createListener({
    limits: server.limits,
    tls,
    connections,
    http2: null,
    dialectOf: (req) => (req === null ? dialect : dialectOf(headOf(req).path)),
  });
  const hasCors = server.corsOrigins.length > 0;
  if (hasCors) {
    const { default: cors } = await import('@fastify/cors');
    await fastify.register(cors, corsOptions(server.corsOrigins));
  }
  const take = (request: FastifyRequest, reply: FastifyReply) => {
    const { raw: req } = request;
    const head = headOf(req);
    const found = table.find({ ...head, headers: req.headers });
    if (found !== null) {
      door.take(request, reply, found);
      return;
    }
    reply.hijack();
    const error = new PilotlightError('route_not_found', `no route ${head.method} ${head.path}`);
    const context = {
      req,
      res: reply.raw,
      dialect,
      requestId: requestIdOf(req),
      extraHeaders: fieldsOf(reply),
    };
    pipeline.refuse(context, error);
  };
  const method = fastify.supportedMethods.filter((name) => !(hasCors && name === 'OPTIONS'));
  // Taken before Fastify looks at the body, which is not its business here; the handler is never reached.
  fastify.route({ method, url: '*', onRequest: take, handler: () => undefined });
  fastify.setNotFoundHandler(take);
  return fastify;
}
