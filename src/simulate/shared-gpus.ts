import { SharedRoom } from '../autoscale/placement/shared-room.ts';
import { parseSize } from '../config/quantities.ts';
import type { Clock } from '../core/clock.ts';
import type { GpuBudget, Needs } from '../core/room.ts';

/** GPUs that all models of a simulation share. */
export interface SharedGpus {
  /** As it was written: `2x24GiB`. */
  readonly text: string;
  readonly gpus: readonly GpuBudget[];
  /** What models need that are not named. */
  readonly needs: Needs;
  readonly needsByModel: ReadonlyMap<string, Needs>;
  /** `swap.maxPass`. */
  readonly maxPassMs: number;
}

const wholeGpu: Needs = { gpus: 1, memoryBytes: null, hostBytes: 0, pool: null };

/**
 * Reads GPUs (`2x24GiB,80GiB`) and what models need of them: `20GiB` for all, `MODEL=20GiB`, `MODEL=2x20GiB` for two GPUs;
 * a model of which nothing is said needs a whole one. Throws an Error of one line.
 */
export function parseSharedGpus(text: string, needs: readonly string[], maxPassMs: number): SharedGpus {
  const sizes = text.split(',').flatMap((part) => {
    const { count, bytes } = countedSize(part);
    return Array.from({ length: count }, () => bytes);
  });
  const needsByModel = new Map<string, Needs>();
  let ofAll = wholeGpu;
  for (const entry of needs) {
    const at = entry.lastIndexOf('=');
    const { count, bytes } = countedSize(entry.slice(at + 1));
    const one = { ...wholeGpu, gpus: count, memoryBytes: bytes };
    if (at === -1) ofAll = one;
    else needsByModel.set(entry.slice(0, at), one);
  }
  const gpus = sizes.map((memoryBytes, at) => ({ id: String(at), pool: null, memoryBytes }));
  return { text, gpus, needs: ofAll, needsByModel, maxPassMs };
}

/** What one model needs of them. */
export function needsOf({ needs, needsByModel }: SharedGpus, model: string): Needs {
  return needsByModel.get(model) ?? needs;
}

/** Throws an Error of one line where one of these models could never be started, or one is named that there is not. */
export function checkNeeds(shared: SharedGpus, models: readonly string[]): void {
  for (const name of shared.needsByModel.keys())
    if (!models.includes(name)) throw new Error(`--needs names "${name}", of which there is no request`);
  for (const model of models) {
    const { gpus, memoryBytes } = needsOf(shared, model);
    const enough = shared.gpus.filter((gpu) => gpu.memoryBytes >= (memoryBytes ?? 0));
    if (enough.length < gpus)
      throw new Error(`model "${model}" needs more than the GPUs ${shared.text} have`);
  }
}

/** The room that they make. */
export function roomOf({ gpus, maxPassMs }: SharedGpus, clock: Clock): SharedRoom {
  return new SharedRoom({
    clock,
    settings: { gpus, hostBytes: null, maxStarting: null, maxPassMs },
    gauge: null,
  });
}

function countedSize(text: string): { readonly count: number; readonly bytes: number } {
  const [, count = '1', size = ''] = /^(?:(\d+)x)?(.+)$/.exec(text.trim()) ?? [];
  const bytes = parseSize(size);
  if (bytes === null || bytes === 0 || Number(count) === 0 || Number(count) > 1_000)
    throw new Error(`"${text}" is not a size such as 24GiB or 2x24GiB`);
  return { count: Number(count), bytes };
}
