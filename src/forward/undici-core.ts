import { createRequire } from 'node:module';
import type * as undici from 'undici';

const load = createRequire(import.meta.url);

/*
 * The parts of undici that forward requests, without the rest: its index also loads fetch, WebSocket, caches and mocks,
 * 90 modules that cost every start 50 ms of CPU and 6 MB. The paths are those of the exact version in package.json.
 */

// As the index does: `request`, `upgrade` and the like.
Object.assign(
  (load('undici/lib/dispatcher/dispatcher.js') as { prototype: object }).prototype,
  load('undici/lib/api'),
);

/** As `buildConnector` of undici. */
export const buildConnector = load('undici/lib/core/connect.js') as typeof undici.buildConnector;
/** As `Client` of undici. */
export const Client = load('undici/lib/dispatcher/client.js') as typeof undici.Client;
/** As `Pool` of undici. */
export const Pool = load('undici/lib/dispatcher/pool.js') as typeof undici.Pool;
/** As `errors` of undici. */
export const errors = load('undici/lib/core/errors.js') as typeof undici.errors;
