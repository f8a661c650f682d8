import type { MemoryGauge } from '../core/room.ts';
import { type GpuReading, type GpuTool, namesOf } from './gpu-reading.ts';

/** What a monitor works with. */
export interface GpuMonitorOptions {
  readonly tool: GpuTool;
  /** Reading failed, or works again (null): told when that changes. */
  onFault(fault: string | null): void;
}

/** So much of a card nobody misses: its driver's own use, a screen, the MiB that one of 24 GiB has less. */
const ownUseBytes = 512 * 1024 ** 2;

/** Asks the driver's tool, one at a time, and keeps what it said last. */
export class GpuMonitor implements MemoryGauge {
  readonly #options: GpuMonitorOptions;
  readonly #life = new AbortController();
  #readings: readonly GpuReading[] = [];
  #reading: Promise<void> | null = null;
  #fault: string | null = null;

  constructor(options: GpuMonitorOptions) {
    this.#options = options;
  }

  /** What was read last; empty before. */
  get readings(): readonly GpuReading[] {
    return this.#readings;
  }

  /** Why nothing could be read the last time; null: it could. */
  get fault(): string | null {
    return this.#fault;
  }

  /** By number and by UUID, whichever the configuration writes. A tool that fails tells of no GPU. */
  async freeBytes(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    await this.read();
    signal.throwIfAborted();
    if (this.#fault !== null) return new Map();
    return new Map(this.#readings.flatMap((one) => namesOf(one).map((name) => [name, freeOf(one)] as const)));
  }

  /** Reads, or waits for the reading that is on its way; never rejects. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** Ends a tool that runs. */
  async close(): Promise<void> {
    this.#life.abort();
    await this.#reading;
  }

  async #read(): Promise<void> {
    try {
      this.#readings = await this.#options.tool.read(this.#life.signal);
      this.#note(null);
    } catch (error) {
      if (!this.#life.signal.aborted) this.#note(error instanceof Error ? error.message : String(error));
    }
  }

  #note(fault: string | null): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    this.#options.onFault(fault);
  }
}

function freeOf({ totalBytes, usedBytes }: GpuReading): number {
  return totalBytes - usedBytes + ownUseBytes;
}
