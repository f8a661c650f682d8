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
  const served = await Promise.all(
    surfaces.map(async (settings) => ({ settings, ...(await serve(settings)) })),
  );
  const own = formatAddress(server.listen);
  const isOwn = (address: Address | null) =>
    address !== null && (address.port === 0 || formatAddress(address) !== own);
  // Port 0 is another port for each surface.
  const keyOf = ({ name, listen }: SurfaceSettings) =>
    listen === null || !isOwn(listen) ? '' : listen.port === 0 ? name : formatAddress(listen);
  return [...Map.groupBy(served, ({ settings }) => keyOf(settings))].map(([key, together]) => ({
    address: key === '' ? null : together[0]!.settings.listen,
    served: together,
    table: new SurfaceTable(together),
  }));
}

async function serve(settings: SurfaceSettings): Promise<ServedSurface> {
  const surface = await loadSurface(settings.name);
  return { surface, prefix: settings.prefix, routes: surface.routes(settings) };
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
