import type { SharedSettings } from '../config/shared-settings.ts';
import type { GpuGauges } from '../meter/gpu-gauges.ts';
import type { CommonRoom, CommonRoomSnapshot } from './common-room.ts';

/** For the admin API; nothing where nothing is shared. */
export function roomSnapshot(room: CommonRoom | null): CommonRoomSnapshot {
  return room?.snapshot() ?? { gpus: [], waiting: [], learned: [], fault: null };
}

/** For a scrape. */
export function gpuGauges(room: CommonRoom | null): readonly GpuGauges[] {
  return roomSnapshot(room).gpus.map(({ holders, ...gpu }) => {
    return { ...gpu, takenBytes: holders.reduce((sum, { bytes }) => sum + bytes, 0) };
  });
}

/** Takes what a changed configuration says is shared. Throws where nothing was shared before: no model has its place there. */
export function shareAnew(room: CommonRoom | null, shared: SharedSettings | null): void {
  if (room === null && shared !== null)
    throw new Error(
      'gpus, hostMemory and scale.maxStarting: none was set at the start; start again to use them',
    );
  room?.configure(shared);
}
