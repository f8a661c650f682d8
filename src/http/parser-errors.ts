import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { PilotlightError } from '../core/errors.ts';
import type { Dialect } from '../core/protocol.ts';
import { untimed } from '../forward/timings.ts';
import { answerUnderWay } from './connections.ts';
import { requestIdOf } from './head.ts';

/** How long a connection is kept after its last answer, so that one who still sends can read it. */
const lingerMs = 2_000;

/** Sockets whose parser gave up: it says so again for each piece that still arrives. */
const refusedSockets = new WeakSet<Socket>();

/**
 * Answers where Node gave up on what a client sent (malformed, too large, too slow), in the dialect of the route when
 * that is known, and closes the connection. There may be no response object, so the answer is written to the socket; an
 * earlier request of the same connection gets its own answer first.
 */
export function answerParserError(
  error: Error & { code?: string },
  socket: Socket,
  dialectOf: (req: IncomingMessage | null) => Dialect,
): void {
  const isAboutHttp = error.code?.startsWith('HPE_') || error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  if (!isAboutHttp) {
    // The connection is broken, or its TLS handshake was none: nobody could read an answer.
    socket.destroy();
    return;
  }
  if (refusedSockets.has(socket)) return;
  refusedSockets.add(socket);
  const refuse = () => {
    const res = answerUnderWay(socket);
    if (res?.req.complete === true) res.once('close', refuse);
    else refuseSocket(socket, parserRefusal(error), dialectOf);
  };
  refuse();
}

function refuseSocket(
  socket: Socket,
  refusal: PilotlightError,
  dialectOf: (req: IncomingMessage | null) => Dialect,
): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const res = answerUnderWay(socket);
  // Its request was refused already, and only its body was still read.
  if (res?.headersSent !== true) socket.write(answerText(refusal, res?.req ?? null, dialectOf));
  // Whoever works on the request learns it now, as for a client that left, and not when the connection is closed.
  if (res !== null) {
    res.statusCode = refusal.spec.status;
    res.emit('close', refusal);
  }
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  // Past its time a request must not be completed any more: nothing is read after the answer.
  if (refusal.code === 'request_timeout') socket.destroySoon();
  else socket.end();
}

function answerText(
  refusal: PilotlightError,
  req: IncomingMessage | null,
  dialectOf: (req: IncomingMessage | null) => Dialect,
): string {
  const { status } = refusal.spec;
  const body = dialectOf(req).renderError(refusal);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${req === null ? randomUUID() : requestIdOf(req)}`,
    untimed.join(': '),
    `date: ${new Date().toUTCString()}`,
    'connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function parserRefusal(error: Error & { code?: string }): PilotlightError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    const message = 'the head is larger than server.limits.headerSize or has more fields than headerCount';
    return new PilotlightError('headers_too_large', message);
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new PilotlightError(
      'request_timeout',
      'the request did not arrive within server.limits.headerTimeout and bodyTimeout',
    );
  }
  return new PilotlightError('bad_request', `malformed HTTP: ${error.message}`);
}
