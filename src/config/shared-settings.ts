import type { GpuBudget, Group, Needs, RoomSettings } from '../core/room.ts';
import type { RawGpus, RawNeeds } from './gpus.ts';
import type { RawConfig } from './schema.ts';

/** One GPU that models share; `id` is as CUDA_VISIBLE_DEVICES takes it, or `POOL/NUMBER` for one that only counts. */
export interface GpuSettings extends GpuBudget {
  /** It is one of a cluster's: taken whole, and which one is not ours to say. */
  readonly isOfCluster: boolean;
}

/** Which models run beside which. */
export interface GroupSettings extends Group {
  readonly members: readonly string[];
}

/** What all models share. */
export interface SharedSettings extends Omit<RoomSettings, 'gpus'> {
  /** auto: those that the driver's tool tells of at the start. */
  readonly gpus: 'auto' | readonly GpuSettings[];
  readonly groups: readonly GroupSettings[];
}

/** What a replica takes of it. */
export interface NeedsSettings extends Needs {
  /** Its memory is learned; until then it takes whole GPUs. */
  readonly isLearned: boolean;
}

type RawShared = Pick<RawConfig, 'gpus' | 'hostMemory' | 'scale' | 'swap' | 'groups'>;

/** null: nothing is shared, and no model waits for another. */
export function sharedOf({
  gpus: rawGpus,
  hostMemory,
  scale,
  swap,
  groups,
}: RawShared): SharedSettings | null {
  const gpus = gpusOf(rawGpus);
  const isShared = gpus === 'auto' || gpus.length > 0 || hostMemory > 0 || scale.maxStarting !== null;
  if (!isShared) return null;
  return {
    gpus,
    hostBytes: hostMemory === 0 ? null : hostMemory,
    maxStarting: scale.maxStarting,
    maxPassMs: swap.maxPass,
    groups: Object.entries(groups).map(([name, group]) => ({
      name,
      members: group.members,
      isSwapped: group.swap,
      isExclusive: group.exclusive,
      isPersistent: group.persistent,
    })),
  };
}

/** The GPUs one by one. */
export function gpusOf(raw: RawGpus): SharedSettings['gpus'] {
  if (raw === 'auto') return raw;
  return raw.flatMap((entry): GpuSettings[] => {
    const { pool } = entry;
    if ('id' in entry) return [{ id: String(entry.id), memoryBytes: entry.memory, pool, isOfCluster: false }];
    const numbers = Array.from({ length: entry.count }, (_, at) => at);
    return numbers.map((at) => ({ id: `${pool}/${at}`, memoryBytes: 1, pool, isOfCluster: true }));
  });
}

/** null: nothing is counted. */
export function needsOf(raw: RawNeeds): NeedsSettings | null {
  if (raw === null) return null;
  if (raw === 'auto') return { gpus: 1, memoryBytes: null, hostBytes: 0, pool: null, isLearned: true };
  const { gpus, memory, hostMemory: hostBytes, pool } = raw;
  const memoryBytes = memory === 0 || memory === 'auto' ? null : memory;
  return { gpus, memoryBytes, hostBytes, pool, isLearned: memory === 'auto' && gpus > 0 };
}
