import type { RoomSnapshot } from '../autoscale/placement/room-snapshot.ts';
import { type GpuReading, namesOf } from '../gpu/gpu-reading.ts';
import { gpuUse } from '../gpu/gpu-use.ts';
import type { Roommate } from './roommate.ts';

/** A GPU of which others than the models hold memory, while a model waits for room. */
export interface HeldUp {
  readonly gpu: string;
  /** Bytes that others use; 0: not measured yet. */
  readonly othersBytes: number;
  /** Who they are, where the driver tells: `Xorg (pid 1200)`. */
  readonly holders: readonly string[];
}

/** Who waits for room for so long wants to know who else holds it. */
const heldUpMs = 5_000;

/** Whose the memory is that was read: models learn what they need, and those that wait why. */
export class MemoryLook {
  readonly #onHeldUp: (facts: HeldUp) => void;
  readonly #told = new Set<string>();

  constructor(onHeldUp: (facts: HeldUp) => void) {
    this.#onHeldUp = onHeldUp;
  }

  take(readings: readonly GpuReading[], mates: readonly Roommate[], { gpus, waiting }: RoomSnapshot): void {
    const all = mates.map((mate) => ({ mate, replicas: mate.replicas }));
    const use = gpuUse(
      readings,
      all.flatMap(({ replicas }) => replicas),
    );
    const readingOf = (id: string) => readings.find((reading) => namesOf(reading).includes(id));
    for (const { mate, replicas } of all)
      for (const { id, isReady } of replicas) {
        const held = gpus.filter((gpu) => mate.placeOf(id)?.gpus.includes(gpu.id));
        const bytes = use.bytesByReplica.get(id) ?? usedAlone(held, readingOf);
        if (bytes !== null) mate.observe(bytes, isReady);
      }
    if (!waiting.some(({ sinceMs }) => sinceMs >= heldUpMs)) return;
    for (const { id: gpu, othersBytes } of gpus) {
      const holders = use.othersByGpu.get(readingOf(gpu)?.index ?? '') ?? [];
      if (holders.length > 0 || othersBytes > 0) this.#tell({ gpu, othersBytes, holders });
    }
  }

  /** Once for who is there. */
  #tell(facts: HeldUp): void {
    const key = `${facts.gpu} ${facts.holders.join()}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#onHeldUp(facts);
  }
}

/** Where the driver does not tell whose the memory is: all that others do not use, of one that is there alone. */
function usedAlone(
  gpus: RoomSnapshot['gpus'],
  readingOf: (id: string) => GpuReading | undefined,
): number | null {
  const used = gpus.flatMap(({ id, holders, othersBytes }) => {
    const reading = readingOf(id);
    const isKnown = holders.length === 1 && reading !== undefined;
    return isKnown ? [reading.usedBytes - othersBytes] : [];
  });
  return used.length === 0 || used.length < gpus.length ? null : Math.max(...used);
}
