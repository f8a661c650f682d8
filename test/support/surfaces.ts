import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../../src/config/settings.ts';
import type { SurfaceName } from '../../src/core/surface.ts';
import { type Gateway, settingsOf, startGateway } from './gateway.ts';

/** How a gateway with surfaces is started. */
export interface SurfacesOptions {
  /** YAML of the models, indented by two (see `fixedModel`, `processModel` in world.ts). */
  readonly models: string;
  /** Each on a port of its own unless it says where: `{ sagemaker: '', replicate: '{ prefix: /replicate }' }`. */
  readonly surfaces: Readonly<Partial<Record<SurfaceName, string>>>;
  /** `memory`, `sqlite` in a folder of its own, or a Redis URL. Default: memory. */
  readonly store?: string;
  /** Further sections of the file: `auth: ...`, `jobs: { lease: 2s }`. */
  readonly rest?: string;
  /** Default 200. */
  readonly drainMs?: number;
  /** Of `server`, besides the drain. */
  readonly server?: Partial<Settings['server']>;
  /** For a gateway that takes up what another left: its folder. Default: a new one, removed at the end. */
  readonly stateDir?: string;
}

/** A whole gateway in this process, with surfaces. */
export interface SurfaceGateway extends Gateway {
  /** Base URL of a surface, its prefix included. */
  urlOf(surface: SurfaceName): string;
  /** Where its jobs lie. */
  readonly stateDir: string;
}

/** Starts a whole gateway with these surfaces; close it at the end. */
export async function startSurfaces(options: SurfacesOptions): Promise<SurfaceGateway> {
  const { models, surfaces, store = 'memory', rest = '', drainMs = 200 } = options;
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'pilotlight-state-'));
  const written = Object.entries(surfaces).map(
    ([name, how]) => `  ${name}: ${how === '' ? '{ listen: 127.0.0.1:0 }' : how}`,
  );
  const top = [`store: ${store}`, `stateDir: ${stateDir}`, 'surfaces:', ...written, rest].join('\n');
  const settings = settingsOf(models, top);
  const gateway = await startGateway({
    ...settings,
    server: { ...settings.server, ...options.server, drainMs },
  });
  return {
    ...gateway,
    stateDir,
    urlOf(name) {
      const own = gateway.app.surfaceAddresses.get(name);
      const origin = own === undefined ? gateway.url : `http://${own.host}:${own.port}`;
      return origin + settings.surfaces.find((surface) => surface.name === name)!.prefix;
    },
    async close() {
      await gateway.close();
      if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
