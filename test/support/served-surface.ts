import type { AddressInfo } from 'node:net';
import type { KeySettings } from '../../src/config/settings.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Desk } from '../../src/core/desk.ts';
import type { PilotlightError } from '../../src/core/errors.ts';
import type { Surface, SurfaceOptions } from '../../src/core/surface.ts';
import { HeldMemory } from '../../src/forward/held-memory.ts';
import { Watchdog } from '../../src/forward/watchdog.ts';
import { KeyRing } from '../../src/http/auth.ts';
import { Connections } from '../../src/http/connections.ts';
import { SurfaceDoor } from '../../src/http/surface-door.ts';
import { createSurfaceListener } from '../../src/http/surface-listener.ts';
import { SurfaceTable } from '../../src/http/surface-table.ts';
import type { AccessFacts } from '../../src/meter/log.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { openaiDialect } from '../../src/protocols/dialects.ts';
import { settingsOf } from './gateway.ts';

/** How a surface is served besides what its own options say. */
export interface ServedSurfaceOptions extends Partial<SurfaceOptions> {
  readonly prefix?: string;
  readonly keys?: readonly KeySettings[];
  readonly maxBodyBytes?: number;
  readonly heldMemoryBytes?: number;
}

/** A surface on a port of its own, before a desk that a test plays. */
export interface ServedSurface {
  /** With the prefix. */
  readonly url: string;
  readonly held: HeldMemory;
  /** What was noted of requests, and faults of the gateway that the operator would be told of. */
  readonly noted: AccessFacts[];
  readonly faults: PilotlightError[];
  readonly door: SurfaceDoor;
  readonly pipeline: Pipeline;
  close(): Promise<void>;
}

/** A surface behind the real listener, before a played desk. */
export async function serveSurface(
  surface: Surface,
  desk: Desk,
  options: ServedSurfaceOptions = {},
): Promise<ServedSurface> {
  const { prefix = '', keys = [], limits = 'own', isBesideOpenai = false } = options;
  const { maxBodyBytes = 32 * 1024 ** 2, heldMemoryBytes = 64 * 1024 ** 2 } = options;
  const { server } = settingsOf('  m: { backend: { driver: static, urls: ["http://127.0.0.1:9"] } }');
  const noted: AccessFacts[] = [];
  const faults: PilotlightError[] = [];
  const held = new HeldMemory({ maxMemoryBytes: heldMemoryBytes, dir: '/nowhere', maxSpoolBytes: 0 });
  const pipeline = new Pipeline({
    clock: systemClock,
    directory: { find: () => undefined, names: () => [] },
    held,
    watchdog: new Watchdog(systemClock),
    maxBodyBytes: () => maxBodyBytes,
    dropCredentials: () => keys.length > 0,
    refusal: () => null,
    onAccess: (facts) => noted.push(facts),
    onFault: (error) => faults.push(error),
  });
  const connections = new Connections();
  const keyRing = new KeyRing(keys);
  const door = new SurfaceDoor({ server, pipeline, keyRing: () => keyRing, desk });
  const table = new SurfaceTable([{ surface, prefix, routes: surface.routes({ limits, isBesideOpenai }) }]);
  const fastify = await createSurfaceListener({
    ...{ server, connections, pipeline, table, door, tls: null, dialect: openaiDialect },
  });
  await fastify.listen({ host: '127.0.0.1', port: 0 });
  const { port } = fastify.server.address() as AddressInfo;
  return {
    ...{ held, noted, faults, door, pipeline },
    url: `http://127.0.0.1:${port}${prefix}`,
    async close() {
      await Promise.all([fastify.close(), connections.end(100)]);
    },
  };
}
