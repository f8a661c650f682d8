import { formatSize } from '../config/quantities.ts';
import type { SharedSettings } from '../config/shared-settings.ts';
import type { Clock } from '../core/clock.ts';
import type { GpuBudget } from '../core/room.ts';
import { GpuMonitor } from '../gpu/gpu-monitor.ts';
import { type GpuReading, namesOf } from '../gpu/gpu-reading.ts';
import { findGpuTool } from '../gpu/gpu-tool.ts';
import type { Log } from '../meter/log.ts';
import { CommonRoom } from './common-room.ts';

/** What a room is opened with. */
export interface OpenRoomOptions {
  readonly shared: SharedSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the tool of the GPU driver is looked for, as PATH. */
  readonly path: string | undefined;
}

/** So much less than was written is only rounding: a card of 24 GiB has some MiB less. */
const roundingShare = 0.02;

/**
 * Opens the room that all models share. Rejects where the GPUs are to be found (`auto`) and no tool tells of any; where
 * they are written, what the tool says otherwise is told in the log.
 */
export async function openRoom({ shared, clock, log, path }: OpenRoomOptions): Promise<CommonRoom> {
  const usesOwn = shared.gpus === 'auto' || shared.gpus.some(({ isOfCluster }) => !isOfCluster);
  const tool = usesOwn ? findGpuTool(path) : null;
  const monitor =
    tool &&
    new GpuMonitor({
      tool,
      onFault: (fault) =>
        fault === null
          ? log.info('the memory of the GPUs can be read again')
          : log.warn({ reason: fault }, 'the memory of the GPUs cannot be read'),
    });
  await monitor?.read();
  const readings = monitor?.readings ?? [];
  if (shared.gpus === 'auto' && readings.length === 0)
    throw new Error(
      `gpus: auto finds none: ${monitor?.fault ?? 'neither nvidia-smi nor rocm-smi is on PATH'}`,
    );
  if (shared.gpus !== 'auto' && readings.length > 0) warnOfOthers(shared.gpus, readings, log);
  return new CommonRoom({
    clock,
    shared,
    monitor,
    found: readings.map(({ index, totalBytes }) => ({ id: index, pool: null, memoryBytes: totalBytes })),
    onHeldUp: (facts) => log.warn(facts, 'others use a GPU that a model waits for'),
  });
}

function warnOfOthers(gpus: readonly GpuBudget[], readings: readonly GpuReading[], log: Log): void {
  for (const { id, memoryBytes } of gpus) {
    const reading = readings.find((one) => namesOf(one).includes(id));
    if (reading === undefined) log.warn({ gpu: id }, 'gpus names one that the driver does not tell of');
    else if (reading.totalBytes < memoryBytes * (1 - roundingShare))
      log.warn(
        { gpu: id, memory: formatSize(memoryBytes), has: formatSize(reading.totalBytes) },
        'gpus gives one more memory than it has',
      );
  }
}
