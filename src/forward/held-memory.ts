import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PilotlightError } from '../core/errors.ts';

/** Limits of what waiting requests may hold. */
export interface HeldMemoryOptions {
  /** Bytes of bodies in memory, over all requests. */
  readonly maxMemoryBytes: number;
  /** Folder of the spool files; made on first use. */
  readonly dir: string;
  /** Bytes of bodies on disk, over all requests. */
  readonly maxSpoolBytes: number;
  /** Milliseconds until the next model is ready, which lets go of bodies; null when none starts or that is not known. */
  nextReadyMs?(): number | null;
}

/** The process-wide account of the bytes of bodies: memory first, then spool files, then refusal. */
export class HeldMemory {
  readonly #options: HeldMemoryOptions;
  #memoryBytes = 0;
  #spoolBytes = 0;

  constructor(options: HeldMemoryOptions) {
    this.#options = options;
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get spoolBytes(): number {
    return this.#spoolBytes;
  }

  /** Books `bytes` of memory; false when they do not fit. */
  takeMemory(bytes: number): boolean {
    if (this.#memoryBytes + bytes > this.#options.maxMemoryBytes) return false;
    this.#memoryBytes += bytes;
    return true;
  }

  giveMemory(bytes: number): void {
    this.#memoryBytes -= bytes;
  }

  /** Books `bytes` of spool; throws memory_full when they do not fit. */
  takeSpool(bytes: number): void {
    const { maxSpoolBytes, maxMemoryBytes } = this.#options;
    if (this.#spoolBytes + bytes > maxSpoolBytes) {
      throw this.full(
        `memory full: waiting requests hold ${this.#memoryBytes} of ${maxMemoryBytes} bytes in memory and ` +
          `${this.#spoolBytes} of ${maxSpoolBytes} bytes in the spool`,
      );
    }
    this.#spoolBytes += bytes;
  }

  /** memory_full, to be tried again when the next model is ready. */
  full(message: string, cause?: unknown): PilotlightError {
    const retryAfterMs = this.#options.nextReadyMs?.() ?? null;
    return new PilotlightError('memory_full', message, {
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
      ...(cause === undefined ? {} : { cause }),
    });
  }

  giveSpool(bytes: number): void {
    this.#spoolBytes -= bytes;
  }

  /** A fresh file that is already unlinked, so that nothing is left behind whatever ends the process. */
  async openSpool(): Promise<FileHandle> {
    const file = join(this.#options.dir, `body-${randomUUID()}`);
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
    const handle = await open(file, 'wx+', 0o600);
    await unlink(file);
    return handle;
  }
}
