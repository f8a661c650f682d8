import { performServerHandshake, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { HeldTraffic, Lane } from '../traffic.ts';
import { Backends } from './backends.ts';
import { ClientSession } from './client-session.ts';

/** What a lane of HTTP/2 is made of. */
export interface Http2LaneOptions {
  readonly traffic: HeldTraffic;
  readonly clock: Clock;
  /** Streams that one connection of a client may have open. Default 250. */
  readonly maxStreams?: number;
  /** Bytes of each body, either way, that may be sent before they were taken. Default 256 KiB. */
  readonly windowBytes?: number;
  /** A client's connection without streams for this long is closed, whatever else it sends. Default 300,000. */
  readonly idleMs?: number;
  /** Until a backend's settings are here. Default 10,000. */
  readonly connectMs?: number;
  /** A connection to a backend without streams for this long is closed. Default 60,000. */
  readonly backendIdleMs?: number;
}

/** More than a list of fields that is taken, so that a larger one gets an answer; past it nghttp2 resets the stream. */
const headBytes = 256 * 1024;
/** The window of a connection as a whole; what came is taken from it at once, so it bounds only what is on its way. */
const windowsPerSession = 8;

/**
 * Limits of one connection beyond those of its streams. Against floods nghttp2 ends the connection: of resets (CVE-2023-44487)
 * past 2,000 and 500 a second, which a gateway's clients that cancel do not reach; of settings and pings that are not
 * acknowledged, of empty or invalid frames past 1,000, of CONTINUATION frames past 8 in one head (its defaults). Memory, in
 * megabytes, counts what waits to be sent as well: the streams' own bounds come to less.
 */
const sessionLimits = {
  streamResetBurst: 2_000,
  streamResetRate: 500,
  maxSessionMemory: 256,
  maxHeaderListPairs: 2048,
  maxSendHeaderBlockLength: headBytes,
  strictSingleValueFields: false,
} as const;

/**
 * The lane of HTTP/2, over TCP (prior knowledge) and TLS alike: each stream of a client is a request, and goes to a backend
 * as a stream of HTTP/2. An upgrade by `Upgrade: h2c` is not for it, and extended CONNECT is not offered.
 */
export function createHttp2Lane(options: Http2LaneOptions): Lane {
  const { traffic, clock, maxStreams = 250, windowBytes = 256 * 1024, idleMs = 300_000 } = options;
  const { connectMs = 10_000, backendIdleMs = 60_000 } = options;
  const backends = new Backends({ clock, connectMs, idleMs: backendIdleMs, windowBytes });
  const sessions = new Set<ClientSession>();
  const onDrained: (() => void)[] = [];
  let isDraining = false;
  const settings = {
    enablePush: false,
    maxConcurrentStreams: maxStreams,
    initialWindowSize: windowBytes,
    maxHeaderListSize: headBytes,
  };
  const onClose = (session: ClientSession) => {
    sessions.delete(session);
    if (isDraining && sessions.size === 0) for (const resolve of onDrained.splice(0)) resolve();
  };
  return {
    take(socket: Socket) {
      const { remoteAddress: address = '', remotePort: port = 0 } = socket;
      const peer = { address, port, isTls: 'encrypted' in socket };
      let handshake: ServerHttp2Session;
      try {
        handshake = performServerHandshake(socket, { settings, ...sessionLimits });
      } catch {
        // The client left before it was taken: there is no handle to speak through.
        socket.destroy();
        return;
      }
      handshake.setLocalWindowSize(windowBytes * windowsPerSession);
      const session = new ClientSession({
        handshake,
        socket,
        peer,
        traffic,
        backends,
        clock,
        idleMs,
        onClose,
      });
      sessions.add(session);
      if (isDraining) session.drain();
    },
    drain() {
      isDraining = true;
      for (const session of sessions) session.drain();
      if (sessions.size === 0) return Promise.resolve();
      return new Promise((resolve) => onDrained.push(resolve));
    },
    close() {
      for (const session of [...sessions]) session.close();
      backends.close();
    },
  };
}
