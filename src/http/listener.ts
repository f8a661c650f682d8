import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { KeyPair } from '../config/certificate.ts';
import type { ServerSettings } from '../config/settings.ts';
import { PilotlightError, toPilotlightError } from '../core/errors.ts';
import type { Dialect } from '../core/protocol.ts';
import { sendError } from '../forward/reply.ts';
import type { Lane } from '../relay/traffic.ts';
import type { Connections } from './connections.ts';
import { requestIdOf } from './head.ts';
import { switchToHttp2 } from './http2-switch.ts';
import { acceptAllMethods } from './other-methods.ts';
import { answerParserError } from './parser-errors.ts';
import { asksForWebSocket } from './upgrade.ts';

/** Limits that the HTTP parser and the sockets are held to. */
export interface ListenerOptions {
  readonly limits: ServerSettings['limits'];
  readonly tls: KeyPair | null;
  readonly connections: Connections;
  /** Takes connections that speak HTTP/2; null: they are refused. */
  readonly http2: Lane | null;
  /** How errors are written that come before the route; null: there is not even a request. */
  readonly dialectOf: (req: IncomingMessage | null) => Dialect;
}

/** No route has a schema: without these Fastify loads ajv and fast-json-stringify (20 ms and 3 MB of every start). */
const noCompilers = {
  buildValidator: () => () => refuseSchema(),
  buildSerializer: () => () => refuseSchema(),
};

function refuseSchema(): never {
  throw new Error('a route has a schema, and there is no compiler for it: see noCompilers');
}

/** A Fastify instance that reads no body by itself and tells every error of its own in our shape. */
export function createListener(options: ListenerOptions): FastifyInstance {
  const { dialectOf, connections, http2 } = options;
  const fastify = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    // Names of models in paths may be as long as a head allows.
    routerOptions: { maxParamLength: options.limits.headerBytes },
    // One server also for `localhost`, which Fastify would otherwise serve by a second one without these limits.
    serverFactory: (handler) => createLimitedServer(options, handler),
    schemaController: { compilersFactory: noCompilers },
    frameworkErrors: (error, request, reply) => {
      reply.hijack();
      const refusal = new PilotlightError('bad_request', `malformed URL: ${error.message}`);
      refuseRaw(request.raw, reply.raw, dialectOf, refusal);
    },
    clientErrorHandler(error, socket) {
      if (http2 !== null && switchToHttp2(error, socket, http2)) connections.letGo(socket);
      else answerParserError(error, socket, dialectOf);
    },
  });
  acceptAllMethods(fastify);
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null));
  fastify.setErrorHandler((error, request, reply) => {
    reply.hijack();
    refuseRaw(request.raw, reply.raw, dialectOf, ownError(error));
  });
  return fastify;
}

/** Fastify's own refusals (a content-type that is none) are the client's fault as well. */
function ownError(error: unknown): PilotlightError {
  const { statusCode = 500, message } = error as { statusCode?: number; message: string };
  if (error instanceof PilotlightError || statusCode >= 500) return toPilotlightError(error);
  return new PilotlightError('bad_request', message, { cause: error });
}

/** Node's server with every limit on it; the same for TLS, which takes them along with the certificate. */
function createLimitedServer(
  { limits, tls, connections, http2, dialectOf }: ListenerOptions,
  handler: (req: IncomingMessage, res: ServerResponse) => void,
): Server {
  const httpOptions = serverOptions(limits);
  const server =
    tls === null
      ? createServer(httpOptions, handler)
      : createTlsServer({ ...httpOptions, ...tls, ...tlsOptions(limits, http2) }, handler);
  // One more than is allowed, so that the one too many is seen.
  server.maxHeadersCount = limits.headerCount + 1;
  if (limits.connections > 0) server.maxConnections = limits.connections;
  connections.follow(server, tls !== null);
  const refuseExpectation = (req: IncomingMessage, res: ServerResponse) => {
    const message = `expectation ${JSON.stringify(req.headers.expect)} cannot be met: only 100-continue can`;
    refuseRaw(req, res, dialectOf, new PilotlightError('expectation_failed', message));
  };
  server.on('checkExpectation', refuseExpectation);
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    // Node takes a list that names it for it. The one who reads the body tells the client to send it.
    if (req.headers.expect?.toLowerCase() === '100-continue') handler(req, res);
    else refuseExpectation(req, res);
  });
  server.on('connect', (req: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    res.on('finish', () => socket.destroySoon());
    refuseRaw(req, res, dialectOf, new PilotlightError('bad_request', 'CONNECT: this is no forward proxy'));
  });
  return server;
}

/** Who takes both versions gets HTTP/1.1: clients of gRPC offer HTTP/2 only. */
function tlsOptions({ headerTimeoutMs }: ServerSettings['limits'], http2: Lane | null) {
  const ALPNProtocols = http2 === null ? ['http/1.1'] : ['http/1.1', 'h2'];
  return { handshakeTimeout: headerTimeoutMs, ALPNProtocols };
}

/** Times are checked a few times within the shortest of them. */
function serverOptions(limits: ServerSettings['limits']): ServerOptions {
  const { bodyTimeoutMs } = limits;
  const headersTimeout =
    bodyTimeoutMs > 0 ? Math.min(limits.headerTimeoutMs, bodyTimeoutMs) : limits.headerTimeoutMs;
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout,
    requestTimeout: bodyTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, Math.max(50, Math.ceil(headersTimeout / 4))),
    keepAliveTimeout: limits.keepAliveMs,
    // A missing Host is refused with the rest of the head, in our shape.
    requireHostHeader: false,
    // Java's `Upgrade: h2c` and the like are plain requests.
    shouldUpgradeCallback: asksForWebSocket,
  };
}

/** An error answer where no route was found yet. */
function refuseRaw(
  req: IncomingMessage,
  res: ServerResponse,
  dialectOf: ListenerOptions['dialectOf'],
  error: PilotlightError,
): void {
  sendError({ req, res, dialect: dialectOf(req), requestId: requestIdOf(req), extraHeaders: [] }, error);
}
