import type { Path } from './path.ts';
import { formatSize } from './quantities.ts';
import type { BackendSettings } from './settings.ts';
import type { GpuSettings, NeedsSettings, SharedSettings } from './shared-settings.ts';

/** Why needs cannot be met: which of their keys says so, and how the sentence ends. */
export interface NeedsFault {
  readonly path: Path;
  readonly message: string;
}

type Driver = BackendSettings['driver'];

/** Why a replica with these needs could never run, with all that there is free; null: it could. Pure. */
export function needsFault(
  needs: NeedsSettings | null,
  driver: Driver,
  { gpus, hostBytes }: Pick<SharedSettings, 'gpus' | 'hostBytes'>,
): NeedsFault | null {
  if (needs === null) return null;
  if (needs.hostBytes > 0 && hostBytes === null)
    return { path: ['hostMemory'], message: 'takes part of hostMemory, which is not set at the root' };
  if (hostBytes !== null && needs.hostBytes > hostBytes) {
    const message = `must be at most hostMemory at the root, which is ${formatSize(hostBytes)}`;
    return { path: ['hostMemory'], message };
  }
  return needs.gpus === 0 || gpus === 'auto' ? null : gpusFault(needs, driver, gpus);
}

function gpusFault(needs: NeedsSettings, driver: Driver, gpus: readonly GpuSettings[]): NeedsFault | null {
  if (gpus.length === 0)
    return { path: ['gpus'], message: 'takes part of gpus, of which there is none at the root' };
  const isOfCluster = gpus.some((gpu) => gpu.isOfCluster);
  if (isOfCluster !== (driver === 'kubernetes')) {
    const message = isOfCluster
      ? `cannot be had by ${driver}: gpus names pools of a cluster`
      : 'cannot be had by kubernetes: gpus names those of this machine';
    return { path: ['gpus'], message };
  }
  const pools = [...new Set(gpus.map(({ pool }) => pool).filter((pool) => pool !== null))];
  if (needs.pool === null && isOfCluster && pools.length > 1)
    return { path: ['pool'], message: `is required: gpus has the pools ${pools.join(', ')}` };
  if (needs.pool !== null && !pools.includes(needs.pool)) {
    const known = pools.length > 0 ? `: those are ${pools.join(', ')}` : '';
    return { path: ['pool'], message: `names no pool of gpus${known}` };
  }
  return sizeFault(needs, gpus);
}

function sizeFault({ gpus: count, memoryBytes, pool }: NeedsSettings, gpus: readonly GpuSettings[]) {
  const usable = gpus.filter((gpu) => pool === null || pool === gpu.pool);
  const of = pool === null ? '' : ` of pool ${pool}`;
  if (count > usable.length)
    return { path: ['gpus'], message: `must be at most the count of gpus${of}, which is ${usable.length}` };
  const sizes = usable.map((gpu) => gpu.memoryBytes).toSorted((a, b) => b - a);
  const mostBytes = sizes[count - 1]!;
  if (memoryBytes === null || memoryBytes <= mostBytes) return null;
  const one = count === 1 ? 'the largest' : `the smallest of the ${count} largest`;
  const message = `must be at most ${formatSize(mostBytes)}, which ${one} of gpus${of} has`;
  return { path: ['memory'], message };
}
