/** Asks one replica how many requests it is running, whoever sent them. */
export interface LoadGauge {
  /**
   * Requests that run or wait in the backend at `origin` (`http://host:port`), by its own gauges; null where it has none
   * or did not answer. Never rejects but with the signal's reason.
   */
  running(origin: string, signal: AbortSignal): Promise<number | null>;
}
