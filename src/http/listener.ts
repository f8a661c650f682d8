import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { ServerSettings } from '../config/settings.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Dialect } from '../core/protocol.ts';
import { sendError } from '../forward/reply.ts';

/** Limits that the HTTP parser and the sockets are held to. */
export interface ListenerOptions {
  readonly limits: ServerSettings['limits'];
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** How errors are written where no route is known. */
  readonly dialect: Dialect;
}

/** A Fastify instance that reads no body by itself and tells every error of its own in our shape. */
export function createListener({ limits, tls, dialect }: ListenerOptions): FastifyInstance {
  const fastify = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    keepAliveTimeout: limits.keepAliveMs,
    requestTimeout: limits.bodyTimeoutMs,
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headerTimeoutMs,
      shouldUpgradeCallback: () => false,
    },
    ...(tls === null ? {} : { https: { ...tls, maxHeaderSize: limits.headerBytes } }),
    frameworkErrors: (error, request, reply) => {
      reply.hijack();
      const refusal = new PilotlightError('bad_request', `malformed URL: ${error.message}`);
      refuseRaw(request.raw, reply.raw, dialect, refusal);
    },
    clientErrorHandler: (error, socket) => answerParserError(error, socket, dialect),
  });
  const { server } = fastify;
  server.maxHeadersCount = limits.headerCount + 1;
  if (limits.connections > 0) server.maxConnections = limits.connections;
  // The one who reads the body tells the client to send it.
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    server.emit('request', req, res);
  });
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    const message = `expectation ${JSON.stringify(req.headers.expect)} cannot be met: only 100-continue can`;
    refuseRaw(req, res, dialect, new PilotlightError('expectation_failed', message));
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null));
  fastify.setErrorHandler((error, request, reply) => {
    reply.hijack();
    const refusal =
      error instanceof PilotlightError
        ? error
        : new PilotlightError('internal', 'internal error in the gateway', { cause: error });
    refuseRaw(request.raw, reply.raw, dialect, refusal);
  });
  return fastify;
}

const requestIdShape = /^[\w.:-]{1,128}$/;

/** The client's x-request-id when it is well-formed, else a new one. */
export function requestIdOf(req: IncomingMessage): string {
  const received = req.headers['x-request-id'];
  return typeof received === 'string' && requestIdShape.test(received) ? received : randomUUID();
}

/** Refuses heads that have too many fields, or more than one Host: two parsers could read them in two ways. */
export function checkHead(req: IncomingMessage, headerCount: number): PilotlightError | null {
  const { rawHeaders } = req;
  if (rawHeaders.length > headerCount * 2) {
    return new PilotlightError(
      'headers_too_large',
      `too many header fields: server.limits.headerCount is ${headerCount}`,
    );
  }
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1 ? new PilotlightError('bad_request', `${hosts} Host headers: there must be one`) : null;
}

/** An error answer where no route was found yet. */
function refuseRaw(
  req: IncomingMessage,
  res: ServerResponse,
  dialect: Dialect,
  error: PilotlightError,
): void {
  sendError({ req, res, dialect, requestId: requestIdOf(req), extraHeaders: [] }, error);
}

/** Node's parser gave up: there is no response object, so the answer is written to the socket. */
function answerParserError(error: Error & { code?: string }, socket: Socket, dialect: Dialect): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = parserRefusal(error);
  const body = dialect.renderError(refusal);
  const head =
    `HTTP/1.1 ${refusal.spec.status} ${refusal.code}\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${randomUUID()}\r\nconnection: close\r\n\r\n`;
  socket.end(head + body);
}

function parserRefusal(error: Error & { code?: string }): PilotlightError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new PilotlightError('headers_too_large', 'the head is larger than server.limits.headerSize');
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new PilotlightError(
      'request_timeout',
      'the request did not arrive within server.limits.headerTimeout and bodyTimeout',
    );
  }
  return new PilotlightError('bad_request', `malformed HTTP: ${error.message}`);
}
