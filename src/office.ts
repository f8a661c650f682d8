import { addressOf, follow } from './app-server.ts';
import type { KeyPair } from './config/certificate.ts';
import type { Settings } from './config/settings.ts';
import type { Clock } from './core/clock.ts';
import type { Desk } from './core/desk.ts';
import type { Surface } from './core/surface.ts';
import { FrontDesk } from './front-desk.ts';
import type { KeyRing } from './http/auth.ts';
import type { Connections } from './http/connections.ts';
import { SurfaceDoor } from './http/surface-door.ts';
import { createSurfaceListener } from './http/surface-listener.ts';
import type { SurfaceTable } from './http/surface-table.ts';
import type { JobOffice } from './job-office.ts';
import { jobGauges } from './job-view.ts';
import type { DeliveryTrial } from './jobs/delivery-trial.ts';
import type { JobGauges } from './meter/job-gauges.ts';
import type { Log } from './meter/log.ts';
import type { Pipeline } from './pipeline.ts';
import { openaiDialect } from './protocols/dialects.ts';
import { placeFaults, placeSurfaces, type SurfacePlace } from './surface-places.ts';

/** What the office is opened with. */
export interface OfficeOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  readonly pipeline: Pipeline;
  readonly keyRing: () => KeyRing;
  /** Names of the models, without aliases, in the order of the configuration. */
  readonly names: () => Iterable<string>;
  /** A webhook was tried. */
  readonly onTried: (trial: DeliveryTrial) => void;
}

/** Where a surface is reached. */
export interface SurfaceAddress {
  readonly host: string;
  readonly port: number;
}

/** What the ports of surfaces are opened with. */
export interface OfficePorts {
  readonly tls: KeyPair | null;
  readonly connections: Connections;
}

/** What stands behind platforms' APIs: their desk, and what is served where. */
export interface Office {
  /** What is served on the request port; null: nothing. */
  readonly onRequestPort: { readonly table: SurfaceTable; readonly door: SurfaceDoor } | null;
  /** Opens the surfaces' own ports; rejects when one cannot be listened on. Returns where each surface is that has one. */
  listen(ports: OfficePorts): Promise<ReadonlyMap<string, SurfaceAddress>>;
  /** Begins to run jobs: for when the models are there. */
  start(): Promise<void>;
  /** For a scrape; null: there are no jobs. */
  gauges(): Promise<readonly JobGauges[]> | null;
  /** Begins no more jobs. Waits for the requests of surfaces, at most `drainMs` (0 = as long as it takes), and ends the rest; returns how many. */
  drain(drainMs: number): Promise<number>;
  closePorts(): Promise<void>;
  /** Ends the jobs that still run, which are begun again by the next to open the store, and closes it. */
  close(): Promise<void>;
}

/** Opens what the surfaces need that are switched on. Rejects where they clash. */
export async function openOffice(options: OfficeOptions): Promise<Office> {
  const { settings, pipeline, keyRing, clock, names } = options;
  const places = await placeSurfaces(settings);
  const [fault] = placeFaults(places);
  if (fault !== undefined) throw new Error(fault);
  const surfaces = places.flatMap(({ served }) => served.map(({ surface }) => surface));
  // Most need no jobs, and open no store.
  const jobOffice = surfaces.some(({ hasJobs }) => hasJobs) ? await jobOfficeOf(options, surfaces) : null;
  const desk: Desk = new FrontDesk({ clock, pipeline, names, jobs: jobOffice?.jobs ?? null });
  const door = new SurfaceDoor({ server: settings.server, pipeline, keyRing, desk });
  const here = places.find(({ address }) => address === null);
  const closers: (() => Promise<void>)[] = [];
  return {
    onRequestPort: here === undefined ? null : { table: here.table, door },
    async listen(ports) {
      const addresses = new Map<string, SurfaceAddress>();
      for (const place of places) {
        if (place.address === null) continue;
        const { address, close } = await openPort(place, { ...options, ...ports, door });
        closers.push(close);
        for (const { surface } of place.served) addresses.set(surface.name, address);
      }
      return addresses;
    },
    start: async () => jobOffice?.start(desk),
    gauges() {
      if (jobOffice === null) return null;
      return jobGauges(jobOffice.store, names()).catch((error: unknown) => {
        options.log.error({ err: error }, 'jobs-not-counted');
        return [];
      });
    },
    drain(drainMs) {
      jobOffice?.stop();
      return door.drain(drainMs);
    },
    async closePorts() {
      await Promise.all(closers.map((close) => close()));
    },
    close: async () => jobOffice?.close(),
  };
}

/** Loaded only where a surface makes jobs. */
async function jobOfficeOf(options: OfficeOptions, surfaces: readonly Surface[]): Promise<JobOffice> {
  const { openJobOffice } = await import('./job-office.ts');
  return await openJobOffice({ ...options, surfaces });
}

async function openPort(
  { table, address }: SurfacePlace,
  options: OfficeOptions & OfficePorts & { readonly door: SurfaceDoor },
): Promise<{ readonly address: SurfaceAddress; close(): Promise<void> }> {
  const { settings, tls, connections, pipeline, door } = options;
  const { server } = settings;
  const fastify = await createSurfaceListener({
    ...{ server, tls, connections, pipeline, table, door, dialect: openaiDialect },
  });
  await fastify.listen({ ...address! });
  const certificate = tls === null ? null : follow(fastify, tls, options);
  return {
    address: addressOf(fastify),
    async close() {
      certificate?.close();
      await fastify.close();
    },
  };
}
