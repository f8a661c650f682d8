import { formatAddress, isLoopback } from './address.ts';
import { ConfigError, loadConfig } from './load.ts';
import type { Settings } from './settings.ts';

/**
 * Reads a changed file for a gateway that goes on listening where it does, whatever the file says now: one that takes
 * the keys away together with the open address would leave it open to anybody. Throws ConfigError with every fault.
 */
export async function loadChanged(
  file: string,
  env: NodeJS.ProcessEnv,
  running: Settings,
): Promise<Settings> {
  const next = await loadConfig(file, env);
  const addresses = [running.server.listen, ...running.surfaces.flatMap(({ listen }) => listen ?? [])];
  const open = addresses.find(({ host }) => !isLoopback(host));
  if (open === undefined || next.auth.open || next.auth.keys.length > 0) return next;
  const message = `is not set, and ${formatAddress(open)} stays open to other machines until the gateway is started again`;
  const hint = 'set auth.keys, say auth: open, or start it again with this file';
  throw new ConfigError(file, [{ path: 'auth', line: null, message, hint }]);
}
