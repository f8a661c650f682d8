import type { BackendLoad } from './signals.ts';

/** Asks one replica what it has to do, whoever its requests come from. */
export interface LoadGauge {
  /**
   * What the backend at `origin` (`http://host:port`) says of itself by its own gauges; null where it has none of them or
   * did not answer. Never rejects but with the signal's reason.
   */
  read(origin: string, signal: AbortSignal): Promise<BackendLoad | null>;
}

/** Requests that run or wait in a backend; null: it tells neither. */
export function requestsIn(load: BackendLoad | null): number | null {
  if (load === null || (load.running === null && load.waiting === null)) return null;
  return (load.running ?? 0) + (load.waiting ?? 0);
}
