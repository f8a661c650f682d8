import type { Socket } from 'node:net';
import type { Lane } from '../relay/traffic.ts';

/** What a client of HTTP/2 sends first (RFC 9113, 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** What Node tells of a connection whose parser gave up. */
export interface ParserError extends Error {
  readonly code?: string;
  /** Bytes of `rawPacket` that were read. */
  readonly bytesParsed?: number;
  readonly rawPacket?: unknown;
}

/** Node has no public name for it. */
type ParsedSocket = Socket & { readonly parser?: { unconsume(): void; remove(): void } | null };

/**
 * Gives a connection that begins with the preface of HTTP/2 to `lane`. The parser of HTTP/1.1 stops behind it by itself, so
 * that the first bytes of no other connection are looked at twice. False: it is none.
 */
export function switchToHttp2(error: ParserError, socket: ParsedSocket, lane: Lane): boolean {
  const { code, bytesParsed, rawPacket } = error;
  if (code !== 'HPE_PAUSED_H2_UPGRADE' || !(rawPacket instanceof Buffer) || bytesParsed === undefined)
    return false;
  const rest = rawPacket.subarray(bytesParsed);
  // Behind a request of HTTP/1.1 it would be what a smuggler meant to be taken for a connection of its own.
  if (socket.bytesRead - rest.length !== preface.length) return false;
  socket.parser?.unconsume();
  // It would be closed as one whose head never ended.
  socket.parser?.remove();
  for (const name of ['data', 'drain', 'pause', 'resume', 'timeout']) socket.removeAllListeners(name);
  socket.pause();
  socket.unshift(Buffer.concat([preface, rest]));
  lane.take(socket);
  return true;
}
