import type { ProcessBackend } from '../../config/settings.ts';
import type { Place } from '../../core/room.ts';

const placeholder = '{gpus}';

/** What `{gpus}` stands for: `0,2`. Pure. */
export function gpuList(place: Place | null): string {
  return place?.gpus.join(',') ?? '';
}

/**
 * The variables by which CUDA and HIP let a process see only the GPUs of its place, where neither its command nor its own
 * environment says it otherwise (`{gpus}`). An empty list hides all. ROCR_VISIBLE_DEVICES is left alone: it renumbers what
 * HIP_VISIBLE_DEVICES then counts. Pure; null: the replica has no place, and sees what the gateway sees.
 */
export function gpuEnvironment(
  place: Place | null,
  { command, env }: Pick<ProcessBackend, 'command' | 'env'>,
): Readonly<Record<string, string>> {
  const isSaid = [...command, ...Object.values(env)].some((text) => text.includes(placeholder));
  if (place === null || isSaid) return {};
  const list = gpuList(place);
  // CUDA counts the fastest first unless it is told, nvidia-smi and the configuration by the bus.
  return { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: list, HIP_VISIBLE_DEVICES: list };
}
