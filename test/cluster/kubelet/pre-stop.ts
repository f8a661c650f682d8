import { setTimeout as pause } from 'node:timers/promises';
import { urlOf } from './container.ts';
import type { ContainerSpec } from './pod-object.ts';
import { httpStatus } from './probe.ts';

/**
 * Runs a container's preStop hook, for as long as the grace period lasts: it may take all of it. Resolves with why it
 * failed, or null; a failure changes nothing, the container is told to end all the same. Rejects with the signal's reason.
 */
export async function runPreStop(
  { container, address, graceMs }: { container: ContainerSpec; address: string; graceMs: number },
  signal: AbortSignal,
): Promise<string | null> {
  const { sleep, httpGet } = container.lifecycle?.preStop ?? {};
  if (sleep !== undefined) {
    await pause(Math.min(sleep.seconds * 1_000, graceMs), undefined, { signal });
    return null;
  }
  if (httpGet === undefined) return null;
  const url = urlOf(httpGet, container, address);
  try {
    const status = await httpStatus(url, AbortSignal.any([signal, AbortSignal.timeout(graceMs)]));
    return status < 400 ? null : `HTTP status code ${status} from ${url}`;
  } catch (error) {
    signal.throwIfAborted();
    return `Get "${url}": ${String(error)}`;
  }
}
