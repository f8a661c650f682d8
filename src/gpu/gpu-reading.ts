/** A process that holds memory of a GPU, as its driver tells. */
export interface GpuProcess {
  readonly pid: number;
  /** null: the driver does not say (containers, Windows). */
  readonly bytes: number | null;
}

/** One GPU as its driver tells of it. */
export interface GpuReading {
  /** Its number in the order of the PCI bus. */
  readonly index: string;
  /** `GPU-...`; null: the tool names none. */
  readonly uuid: string | null;
  readonly totalBytes: number;
  /** By whomever. */
  readonly usedBytes: number;
  /** Empty also where the driver cannot tell them. */
  readonly processes: readonly GpuProcess[];
}

/** Asks the tool of a GPU driver. */
export interface GpuTool {
  /** Rejects with what went wrong, in one line: it failed, hung, or said nothing that can be read. */
  read(signal: AbortSignal): Promise<readonly GpuReading[]>;
}

/** What a GPU is called: its number and its UUID, whichever the configuration writes. Pure. */
export function namesOf({ index, uuid }: GpuReading): readonly string[] {
  return uuid === null ? [index] : [index, uuid];
}
