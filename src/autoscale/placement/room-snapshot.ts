import { Books, bytesOn } from './books.ts';
import { waitsFor } from './reasons.ts';
import type { World } from './world.ts';

/** Who has what, and who waits for what, for the admin API. */
export interface RoomSnapshot {
  readonly gpus: readonly {
    readonly id: string;
    readonly pool: string | null;
    readonly memoryBytes: number;
    /** Used by others than the models, as measured. */
    readonly othersBytes: number;
    readonly holders: readonly {
      readonly model: string;
      readonly state: string;
      readonly bytes: number;
    }[];
  }[];
  readonly waiting: readonly {
    readonly model: string;
    readonly replicas: number;
    readonly sinceMs: number;
    readonly reason: string;
  }[];
}

/** Pure. */
export function snapshotOf(world: World, nowMs: number): RoomSnapshot {
  const books = new Books(world);
  const held = world.tenants.flatMap(({ model, holdings }) => holdings.map((one) => ({ model, ...one })));
  return {
    gpus: books.slots.map((slot) => {
      const { id, pool, memoryBytes, othersBytes } = slot.gpu;
      const holders = held
        .filter(({ place }) => place.gpus.includes(id))
        .map(({ model, state, needs }) => ({ model, state, bytes: bytesOn(slot, needs) }));
      return { id, pool, memoryBytes, othersBytes, holders };
    }),
    waiting: world.tenants.flatMap((tenant) => {
      const { claim, model } = tenant;
      if (claim === null) return [];
      const reason = waitsFor(tenant, books, world.tenants);
      return [{ model, replicas: claim.missing, sinceMs: nowMs - claim.sinceMs, reason }];
    }),
  };
}
