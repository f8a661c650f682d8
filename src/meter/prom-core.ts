import { createRequire } from 'node:module';
import type * as prom from 'prom-client';

const load = createRequire(import.meta.url);

/*
 * The parts of prom-client that hold and print metrics, without the rest: its index also loads a push gateway, clusters of
 * processes and default metrics, and with them Node's HTTP, 12 MB of a sidecar. The paths are those of the exact version
 * in package.json.
 */

/** As `Registry` of prom-client. */
export const Registry = load('prom-client/lib/registry.js') as typeof prom.Registry;
/** One of it. */
export type Registry = prom.Registry;
/** As `Gauge` of prom-client. */
export const Gauge = load('prom-client/lib/gauge.js') as typeof prom.Gauge;
/** As `Counter` of prom-client. */
export const Counter = load('prom-client/lib/counter.js') as typeof prom.Counter;
