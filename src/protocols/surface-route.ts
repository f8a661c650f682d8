import type { PilotlightError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { SurfaceDialect, SurfaceName, SurfaceRoute } from '../core/surface.ts';
import { sseEvent } from './surface-json.ts';

/** A route of one method that takes bodies up to server.maxBody. */
export function route(method: string, path: string, handle: SurfaceRoute['handle']): SurfaceRoute {
  return { methods: [method], path, maxBodyBytes: null, handle };
}

/** A dialect whose errors are an object under the error's own status, in a stream the data of an event `error`. */
export function plainDialect(
  name: SurfaceName,
  bodyOf: (error: PilotlightError) => JsonObject,
): SurfaceDialect {
  return {
    name,
    renderError: (error) => JSON.stringify(bodyOf(error)),
    renderStreamError: (error) => sseEvent({ event: 'error', data: JSON.stringify(bodyOf(error)) }),
    renderHeartbeat: () => ':\n\n',
  };
}
