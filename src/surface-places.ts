import { formatAddress } from './config/address.ts';
import type { SurfaceSettings } from './config/job-settings.ts';
import type { Address, Settings } from './config/settings.ts';
import { type ServedSurface, SurfaceTable } from './http/surface-table.ts';
import { loadSurface } from './protocols/surfaces.ts';

/** What is served on one port. */
export interface SurfacePlace {
  /** null: the request port. */
  readonly address: Address | null;
  readonly served: readonly ServedSurface[];
  readonly table: SurfaceTable;
}

/** Loads the surfaces that are switched on, by the port they are served on. */
export async function placeSurfaces({ surfaces, server }: Settings): Promise<readonly SurfacePlace[]> {
  const own = formatAddress(server.listen);
  const served = await Promise.all(
    surfaces.map(async (settings) => {
      const key = portKey(settings, own);
      return { key, address: settings.listen, ...(await serve(settings, key === requestPort)) };
    }),
  );
  return [...Map.groupBy(served, ({ key }) => key)].map(([key, together]) => ({
    address: key === requestPort ? null : together[0]!.address,
    served: together,
    table: new SurfaceTable(together),
  }));
}

const requestPort = '';

/** Surfaces with the same key share a port. Port 0 is another one for each. `own`: the address of the request port. */
function portKey({ name, listen }: SurfaceSettings, own: string): string {
  if (listen === null) return requestPort;
  if (listen.port === 0) return name;
  const written = formatAddress(listen);
  return written === own ? requestPort : written;
}

async function serve(settings: SurfaceSettings, isOnRequestPort: boolean): Promise<ServedSurface> {
  const { name, prefix, limits } = settings;
  const surface = await loadSurface(name);
  const isBesideOpenai = isOnRequestPort && prefix === '';
  return { surface, prefix, routes: surface.routes({ limits, isBesideOpenai }) };
}

/** What is wrong with where surfaces are served, one line each. */
export function placeFaults(places: readonly SurfacePlace[]): string[] {
  return places.flatMap(({ table }) =>
    table.clashes().map(({ first, second, route }) => {
      const remedy = 'give one of them a prefix, or a port of its own (listen)';
      return `surfaces.${second}: ${route} is served by surfaces.${first} in the same place (${remedy})`;
    }),
  );
}
