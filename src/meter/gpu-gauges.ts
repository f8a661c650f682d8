import type { Registry } from 'prom-client';
import { Gauge } from './prom-core.ts';

/** What of a GPU that models share is read at a scrape, in bytes. */
export interface GpuGauges {
  readonly id: string;
  /** What models may take of it. */
  readonly memoryBytes: number;
  /** What the replicas there are counted with. */
  readonly takenBytes: number;
  /** What others use; 0: nothing is known. */
  readonly othersBytes: number;
  /** By whomever, as the machine tells; null: it does not. */
  readonly usedBytes: number | null;
}

/** Registers the memory of the GPUs that models share. */
export function registerGpuGauges(registry: Registry, read: () => readonly GpuGauges[]): void {
  new Gauge({
    name: 'pilotlight_gpu_memory_bytes',
    help:
      'Memory of the GPUs that models share, by kind: budget (what they may take), taken (what their replicas are counted ' +
      'with), others (what others use of the budget), used (by whomever, as the driver tells).',
    labelNames: ['gpu', 'kind'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { id: gpu, memoryBytes, takenBytes, othersBytes, usedBytes } of read()) {
        this.set({ gpu, kind: 'budget' }, memoryBytes);
        this.set({ gpu, kind: 'taken' }, takenBytes);
        this.set({ gpu, kind: 'others' }, othersBytes);
        if (usedBytes !== null) this.set({ gpu, kind: 'used' }, usedBytes);
      }
    },
  });
}
