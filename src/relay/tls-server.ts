import type { Server } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { followCertificate, type KeyPairFiles, readKeyPair } from '../config/certificate.ts';
import type { TlsLimits } from './tls-limits.ts';

/** How TLS is served. */
export interface TlsPortOptions {
  readonly files: KeyPairFiles;
  /** What messages call the pair. */
  readonly name: string;
  readonly limits: TlsLimits;
  /** A renewed pair serves every connection from now on. */
  readonly onTaken: () => void;
  /** A renewed pair is none: the one before stays. */
  readonly onRefused: (error: unknown) => void;
}

/** TLS for one listener. */
export interface TlsPort {
  /** `ListenerOptions.tls`. */
  createServer(onConnection: (socket: TLSSocket) => void): Server;
  /** The files are watched no more. */
  close(): void;
}

/** Go's server waits as long. */
const handshakeMs = 10_000;

/** Reads the pair, and follows it from the first server on. Rejects where it cannot be read or is no pair. */
export async function openTlsPort(options: TlsPortOptions): Promise<TlsPort> {
  const { files, name, limits, onTaken, onRefused } = options;
  const current = await readKeyPair(files, name);
  let watching: { close(): void } | null = null;
  return {
    createServer(onConnection) {
      const server = createServer(
        { ...limits, ...current, ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: handshakeMs },
        onConnection,
      );
      watching = followCertificate({ files, name, current, server, context: limits, onTaken, onRefused });
      return server;
    },
    close: () => watching?.close(),
  };
}
