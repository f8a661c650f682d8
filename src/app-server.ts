import type { AddressInfo } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { followCertificate, type KeyPair } from './config/certificate.ts';
import type { Settings } from './config/settings.ts';
import type { Log } from './meter/log.ts';
import type { Pipeline } from './pipeline.ts';
import type { Lane } from './relay/traffic.ts';

/** While draining the listener stays open to say so; idle connections are closed as they become idle. */
export async function drain(server: FastifyInstance, pipeline: Pipeline, drainMs: number): Promise<number> {
  const closeIdle = setInterval(() => server.server.closeIdleConnections(), 100);
  const cut = await pipeline.drain(drainMs);
  clearInterval(closeIdle);
  return cut;
}

/** Closes what is drained when that has `ended`, at the latest after `graceMs` (0 = as long as it takes). */
export async function endLane(lane: Lane, ended: Promise<void>, graceMs: number): Promise<void> {
  const cut = graceMs > 0 ? setTimeout(() => lane.close(), graceMs) : undefined;
  await ended;
  clearTimeout(cut);
  lane.close();
}

/** Takes a renewed certificate on a server that began with `current`. */
export function follow(
  requests: FastifyInstance,
  current: KeyPair,
  { settings, log }: { readonly settings: Settings; readonly log: Log },
): { close(): void } {
  return followCertificate({
    files: settings.server.tls!,
    current,
    server: requests.server as unknown as TlsServer,
    onTaken: () => log.info('certificate reloaded'),
    onRefused: (error) => log.error({ err: error }, 'certificate refused: the old one stays'),
  });
}

/** Where a server listens, with brackets around an IPv6 address. */
export function addressOf(server: FastifyInstance): { host: string; port: number } {
  const { address, port } = server.server.address() as AddressInfo;
  return { host: address.includes(':') ? `[${address}]` : address, port };
}
