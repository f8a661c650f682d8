import type { Holding, TenantState, World } from '../../../src/autoscale/placement/world.ts';
import type { Needs } from '../../../src/core/room.ts';

export const gib = 1024 ** 3;

/** Needs of one replica, in GiB on each of so many GPUs. */
export function needsOf(memoryGib: number | null, gpus = 1, hostGib = 0): Needs {
  const memoryBytes = memoryGib === null ? null : memoryGib * gib;
  return { gpus, memoryBytes, hostBytes: hostGib * gib, pool: null };
}

/** A replica on these GPUs. */
export function holding(
  key: string,
  gpus: readonly string[],
  needs: Needs,
  more: Partial<Holding> = {},
): Holding {
  return { key, place: { gpus }, needs, state: 'ready', inFlight: 0, grantedAtMs: 0, ...more };
}

/** An idle model, last used at 0, that needs 20 GiB and a start of a minute. */
export function tenant(id: string, more: Partial<TenantState> = {}): TenantState {
  return {
    id,
    model: id,
    needs: needsOf(20),
    group: null,
    holdings: [],
    claim: null,
    waiting: 0,
    inFlight: 0,
    idleSinceMs: 0,
    startMs: 60_000,
    returnAtMs: null,
    min: 0,
    isKept: false,
    isTurnOver: true,
    ...more,
  };
}

/** Somebody waits for it since `sinceMs`. */
export function wanted(id: string, sinceMs: number, more: Partial<TenantState> = {}): TenantState {
  const claim = { missing: 1, sinceMs, order: sinceMs, isUrgent: true };
  return tenant(id, { claim, waiting: 1, idleSinceMs: null, isTurnOver: false, ...more });
}

/** It has one idle replica. */
export function idle(id: string, gpus: readonly string[], more: Partial<TenantState> = {}): TenantState {
  const needs = more.needs ?? needsOf(20);
  return tenant(id, { holdings: [holding(`${id}#1`, gpus, needs)], ...more });
}

/** Its only replica runs a request. */
export function busy(id: string, gpus: readonly string[], more: Partial<TenantState> = {}): TenantState {
  const needs = more.needs ?? needsOf(20);
  const holdings = [holding(`${id}#1`, gpus, needs, { inFlight: 1 })];
  return tenant(id, { holdings, inFlight: 1, idleSinceMs: null, ...more });
}

/** GPUs 0, 1, ... of so many GiB, and these models; maxPass is 30 s. */
export function world(
  gpusGib: readonly number[],
  tenants: readonly TenantState[],
  more: Partial<World> = {},
): World {
  const gpus = gpusGib.map((size, at) => ({
    id: String(at),
    pool: null,
    memoryBytes: size * gib,
    othersBytes: 0,
    freeBytes: null,
  }));
  return { gpus, hostBytes: null, maxStarting: null, maxPassMs: 30_000, tenants, ...more };
}
