import type { FastifyInstance } from 'fastify';
import type { Parts } from './app.ts';
import { drain, endLane, follow } from './app-server.ts';
import type { KeyPair } from './config/certificate.ts';
import { systemClock } from './core/clock.ts';
import { createAdminServer } from './http/admin-server.ts';
import { Connections } from './http/connections.ts';
import { createRequestLane } from './http/http2-lane.ts';
import { createRequestServer } from './http/request-server.ts';
import { anthropic } from './protocols/anthropic.ts';
import { openaiDialect } from './protocols/dialects.ts';
import { openai } from './protocols/openai.ts';
import type { Lane } from './relay/traffic.ts';
import { roomSnapshot } from './room/room-view.ts';

/** The ports of a gateway at work. */
export interface Ports {
  readonly requests: FastifyInstance;
  readonly admin: FastifyInstance;
  readonly connections: Connections;
  readonly http2: Lane;
  readonly certificate: { close(): void } | null;
  /** Of the surfaces that have a port of their own. */
  readonly surfaceAddresses: ReadonlyMap<string, { readonly host: string; readonly port: number }>;
}

/** Opens all ports; rejects when one cannot be listened on. */
export async function openPorts(
  { options, life, metrics, roster, pipeline, edges }: Parts,
  tls: KeyPair | null,
): Promise<Ports> {
  const { server } = options.settings;
  const { office } = life;
  const connections = new Connections();
  const shared = { server, connections, dialect: openaiDialect, pipeline };
  const asked = { ...shared, keyRing: () => life.keyRing, models: () => life.sources.settings.models };
  const http2 = createRequestLane({ ...asked, http1: () => requests.server });
  const requests: FastifyInstance = await createRequestServer({
    ...asked,
    http2,
    tls,
    protocols: [openai, anthropic],
    createdS: Math.floor(systemClock.wallMs() / 1000),
    surfaces: office?.onRequestPort ?? null,
  });
  const admin = createAdminServer({
    ...shared,
    registry: metrics.registry,
    controls: () => roster.models,
    unready: () => (life.isClosing ? 'draining' : (edges.cluster?.obstacle ?? null)),
    configFault: () => life.fault,
    room: () => roomSnapshot(edges.room),
  });
  await admin.listen({ host: server.admin.host, port: server.admin.port });
  const surfaceAddresses = (await office?.listen({ tls, connections })) ?? new Map();
  await requests.listen({ ...server.listen });
  const certificate = tls === null ? null : follow(requests, tls, options);
  return { requests, admin, connections, http2, certificate, surfaceAddresses };
}

/** Serves what is there within `drain`, and closes the ports. Returns how many requests had to be cut. */
export async function closePorts(
  ports: Ports,
  { options, pipeline, life: { office } }: Parts,
): Promise<number> {
  const { requests, admin, connections, http2, certificate } = ports;
  const { drainMs } = options.settings.server;
  const endAtMs = systemClock.nowMs() + drainMs;
  certificate?.close();
  const ended = http2.drain();
  const cut = await Promise.all([drain(requests, pipeline, drainMs), office?.drain(drainMs) ?? 0]);
  // What is written already still has to be read: by slow clients for what is left of the time, but at least 1 s.
  const graceMs = drainMs === 0 ? 0 : Math.max(1_000, endAtMs - systemClock.nowMs());
  const lane = endLane(http2, ended, graceMs);
  const closed = [requests.close(), admin.close(), office?.closePorts(), connections.end(graceMs), lane];
  await Promise.all(closed);
  return cut[0] + cut[1];
}
