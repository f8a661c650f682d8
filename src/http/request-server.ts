import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from '@fastify/cors';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ModelSettings, ServerSettings } from '../config/settings.ts';
import { PilotlightError, toPilotlightError } from '../core/errors.ts';
import type { Dialect, Protocol } from '../core/protocol.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import { sendError } from '../forward/reply.ts';
import type { Pipeline } from '../pipeline.ts';
import { renderModel, renderModelList } from '../protocols/model-list.ts';
import type { KeyRing } from './auth.ts';
import { Door, fieldsOf, headOf } from './door.ts';
import { createListener, requestIdOf } from './listener.ts';

/** What the request port serves. `settings` and `models` are read for each request, so that a reload is seen. */
export interface RequestServerOptions {
  readonly server: ServerSettings;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly protocols: readonly Protocol[];
  readonly dialect: Dialect;
  readonly pipeline: Pipeline;
  readonly keyRing: () => KeyRing;
  readonly models: () => ReadonlyMap<string, ModelSettings>;
  /** Epoch seconds told as `created` of every model. */
  readonly createdS: number;
}

/** The request port: protocols, match rules, /v1/models; nothing else. */
export async function createRequestServer(options: RequestServerOptions): Promise<FastifyInstance> {
  const { server, tls, dialect } = options;
  const fastify = createListener({ limits: server.limits, tls, dialect });
  if (server.corsOrigins.length > 0) {
    await fastify.register(cors, {
      origin: server.corsOrigins.includes('*') ? '*' : [...server.corsOrigins],
      exposedHeaders: ['x-request-id', 'retry-after', 'retry-after-ms', 'x-should-retry', 'server-timing'],
    });
  }
  const door = new Door(options);
  const pages = new ModelPages(options);
  for (const protocol of options.protocols) {
    for (const route of protocol.routes) {
      if (route.isWebSocket) continue;
      fastify.route({
        method: [...route.methods],
        url: route.path,
        // Taken before Fastify looks at the body, which is not its business here; the handler is never reached.
        onRequest: (request, reply) => door.take(request.raw, reply, route),
        handler: () => undefined,
      });
    }
  }
  fastify.get('/v1/models', (request, reply) => pages.models(request.raw, reply));
  fastify.get('/v1/models/*', (request, reply) => pages.models(request.raw, reply));
  fastify.setNotFoundHandler((request, reply) => door.take(request.raw, reply, null));
  return fastify;
}

/** Answers /v1/models. */
class ModelPages {
  readonly #options: RequestServerOptions;

  constructor(options: RequestServerOptions) {
    this.#options = options;
  }

  /** Answered from the configuration: listing wakes nothing. */
  models(req: IncomingMessage, reply: FastifyReply): void {
    reply.hijack();
    const context = {
      req,
      res: reply.raw,
      dialect: this.#options.dialect,
      requestId: requestIdOf(req),
      extraHeaders: fieldsOf(reply),
    };
    try {
      this.#options.keyRing().authenticate(req);
      const head = headOf(req);
      sendJson(context.res, this.#modelsBody(decodeURIComponent(head.path.slice('/v1/models'.length))), [
        'x-request-id',
        context.requestId,
        ...context.extraHeaders,
      ]);
    } catch (error) {
      sendError(context, toPilotlightError(error));
    }
  }

  #modelsBody(path: string): string {
    const { createdS } = this.#options;
    const info = (id: string) => ({ id, createdS, ownedBy: 'pilotlight' });
    const ids = [...this.#options.models().values()].flatMap(({ name, aliases }) => [name, ...aliases]);
    const id = path.replace(/^\//, '');
    if (id === '') return renderModelList(ids.map(info));
    if (ids.includes(id)) return renderModel(info(id));
    throw new PilotlightError(
      'model_not_found',
      `model ${JSON.stringify(id)} not found; known: ${ids.join(', ')}`,
    );
  }
}

function sendJson(res: ServerResponse, body: string, headers: FlatHeaders): void {
  const length = String(Buffer.byteLength(body));
  res.writeHead(200, ['content-type', 'application/json', 'content-length', length, ...headers]);
  res.end(body);
}
