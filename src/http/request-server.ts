import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from '@fastify/cors';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ModelSettings, ServerSettings } from '../config/settings.ts';
import { PilotlightError, toPilotlightError } from '../core/errors.ts';
import type { Dialect, Protocol, ProtocolRoute, RequestHead } from '../core/protocol.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import { sendError } from '../forward/reply.ts';
import { tooLarge } from '../forward/request-body.ts';
import type { Arrival, Pipeline } from '../pipeline.ts';
import { renderModel, renderModelList } from '../protocols/model-list.ts';
import { intentOf } from '../protocols/model-name.ts';
import type { KeyRing } from './auth.ts';
import { checkHead, continueIfExpected, createListener, requestIdOf } from './listener.ts';
import { findMatch } from './match.ts';

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
  for (const protocol of options.protocols) {
    for (const route of protocol.routes) {
      if (route.isWebSocket) continue;
      fastify.route({
        method: [...route.methods],
        url: route.path,
        handler: (request, reply) => door.take(request.raw, reply, route),
      });
    }
  }
  fastify.get('/v1/models', (request, reply) => door.models(request.raw, reply));
  fastify.get('/v1/models/*', (request, reply) => door.models(request.raw, reply));
  fastify.setNotFoundHandler((request, reply) => door.take(request.raw, reply, null));
  return fastify;
}

/** Takes requests from Fastify to the pipeline. */
class Door {
  readonly #options: RequestServerOptions;

  constructor(options: RequestServerOptions) {
    this.#options = options;
  }

  /** `route` null: only a match rule can take it. */
  take(req: IncomingMessage, reply: FastifyReply, route: ProtocolRoute | null): void {
    reply.hijack();
    const res = reply.raw;
    const context = {
      req,
      res,
      dialect: route?.dialect ?? this.#options.dialect,
      requestId: requestIdOf(req),
      extraHeaders: flat(reply),
    };
    try {
      this.#options.pipeline.handle(this.#arrival(context, route));
    } catch (error) {
      sendError(context, toPilotlightError(error));
    }
  }

  #arrival(
    context: Pick<Arrival, 'req' | 'res' | 'dialect' | 'requestId' | 'extraHeaders'>,
    route: ProtocolRoute | null,
  ): Arrival {
    const { req, res } = context;
    const { server, keyRing, models } = this.#options;
    const fault = checkHead(req, server.limits.headerCount);
    if (fault !== null) throw fault;
    const key = keyRing().authenticate(req);
    const head = headOf(req);
    const host = (req.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    const match = findMatch(models().values(), { head, host, headers: req.headers });
    if (match === null && route === null) {
      throw new PilotlightError('route_not_found', `no route ${head.method} ${head.path}`);
    }
    if (Number(req.headers['content-length']) > server.maxBodyBytes) throw tooLarge(server.maxBodyBytes);
    const parser = match === null ? route!.parser(head) : null;
    if (parser !== null && (req.headers['content-encoding'] ?? 'identity') !== 'identity') {
      throw new PilotlightError(
        'unsupported_encoding',
        'the body must not be compressed: its model field is read here',
      );
    }
    const intent = match !== null ? intentOf(match.model) : parser === null ? route!.intent!(head) : null;
    continueIfExpected(req, res);
    return { ...context, head, key, parser, intent, forwardPath: match?.forwardPath ?? req.url! };
  }

  /** Answered from the configuration: listing wakes nothing. */
  models(req: IncomingMessage, reply: FastifyReply): void {
    reply.hijack();
    const context = {
      req,
      res: reply.raw,
      dialect: this.#options.dialect,
      requestId: requestIdOf(req),
      extraHeaders: flat(reply),
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

/** The part of a request's head that protocols look at. */
export function headOf(req: IncomingMessage): RequestHead {
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: req.method ?? 'GET',
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? '' : url.slice(mark + 1),
    contentType: req.headers['content-type'] ?? '',
  };
}

/** What hooks (CORS) set on the reply, for answers that are written past Fastify. */
function flat(reply: FastifyReply): FlatHeaders {
  const out: FlatHeaders = [];
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) out.push(name, String(one));
  }
  return out;
}

function sendJson(res: ServerResponse, body: string, headers: FlatHeaders): void {
  const length = String(Buffer.byteLength(body));
  res.writeHead(200, ['content-type', 'application/json', 'content-length', length, ...headers]);
  res.end(body);
}
