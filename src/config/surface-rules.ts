import { collide, formatAddress, isLoopback } from './address.ts';
import type { RawFault } from './issues.ts';
import type { Sections } from './sections.ts';
import type { Settings } from './settings.ts';

/** Rules between the ports of surfaces and the other sections. */
export function surfaceFaults({ surfaces, server, auth }: Sections): RawFault[] {
  return Object.entries(surfaces ?? {}).flatMap(([name, { listen }]) => {
    if (listen === undefined) return [];
    const path = ['surfaces', name, 'listen'];
    const faults: RawFault[] = [];
    if (!isLoopback(listen.host) && auth === null) {
      const message = `${formatAddress(listen)} can be reached from other machines and no keys are set`;
      faults.push({ path, message, hint: 'set auth.keys, or say auth: open' });
    }
    const admin = server && ('listen' in server.admin ? server.admin.listen : server.admin);
    if (admin !== undefined && collide(admin, listen)) {
      faults.push({ path, message: 'is the same address as server.admin', hint: null });
    }
    return faults;
  });
}

/** What is allowed about surfaces and their jobs, and probably not meant. */
export function surfaceWarnings({ surfaces, server, auth, store, stateDir }: Settings): string[] {
  if (surfaces.length === 0) return [];
  const warnings: string[] = [];
  for (const { name, listen } of surfaces) {
    if (listen === null || isLoopback(listen.host)) continue;
    const address = formatAddress(listen);
    if (auth.open)
      warnings.push(
        `auth: open on ${address} (surfaces.${name}): anybody who reaches it may use every model`,
      );
    else if (server.tls === null)
      warnings.push(`server.tls is not set: keys travel to ${address} (surfaces.${name}) unencrypted`);
  }
  if (server.heldMemoryBytes === 0)
    warnings.push('server.heldMemory is 0: surfaces read bodies into memory, and can take none');
  if (store.kind === 'memory') warnings.push('store is memory: a restart loses every job that was accepted');
  if (store.kind === 'redis') {
    warnings.push(
      `store is redis: gateways that share it must share the folder of stateDir too (${stateDir}), where large inputs and outputs lie`,
    );
  }
  return warnings;
}
