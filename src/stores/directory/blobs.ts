import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, opendir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Blob, BlobStore } from '../../core/blobs.ts';
import type { Clock } from '../../core/clock.ts';
import { PilotlightError } from '../../core/errors.ts';
import { steadyTime } from '../../core/steady-time.ts';
import { chunksOf } from './chunks.ts';
import { faultOf, isMissing } from './fault.ts';
import { Folders } from './folders.ts';

/** Of a blob: 160 random bits, so that none can be guessed. The first two digits name its folder. */
const idPattern = /^[0-9a-f]{40}$/;

const readBytes = 65_536;

/** Blobs as files of a folder, which is made at the first write. Both are for their owner alone (0700, 0600). */
export function openDirectoryBlobs(options: { readonly dir: string; readonly clock: Clock }): BlobStore {
  return new DirectoryBlobs(options.dir, options.clock);
}

class DirectoryBlobs implements BlobStore {
  readonly #dir: string;
  readonly #folders: Folders;
  readonly #clock: Clock;
  readonly #steadyMs: () => number;

  constructor(dir: string, clock: Clock) {
    this.#dir = dir;
    this.#folders = new Folders(dir);
    this.#clock = clock;
    this.#steadyMs = steadyTime(clock);
  }

  async write(source: AsyncIterable<Uint8Array>, maxBytes: number, signal: AbortSignal): Promise<Blob> {
    signal.throwIfAborted();
    const id = randomBytes(20).toString('hex');
    const path = this.#path(id);
    const file = await this.#create(id);
    try {
      const written = await this.#fill(file, chunksOf(source, maxBytes, signal));
      await this.#io(path, () => file.sync());
      await this.#io(path, () => file.close());
      await this.#io(path, () => this.#folders.sync(folderOf(id)));
      return { id, ...written };
    } catch (error) {
      // What cannot be taken away here is found by collect.
      await Promise.allSettled([file.close(), this.delete(id)]);
      throw error;
    }
  }

  async *read(id: string, fromByte = 0): AsyncIterable<Buffer> {
    const path = this.#path(id);
    if (!idPattern.test(id)) throw notFound(id);
    const file = await open(path, 'r').catch((error: unknown) => {
      throw isMissing(error) ? notFound(id) : faultOf(error, path);
    });
    try {
      for (let position = fromByte; ; ) {
        const buffer = Buffer.allocUnsafe(readBytes);
        const { bytesRead } = await this.#io(path, () => file.read(buffer, 0, readBytes, position));
        if (bytesRead === 0) return;
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  async delete(id: string): Promise<void> {
    if (idPattern.test(id)) await this.#remove(this.#path(id));
  }

  async collect(isUsed: (id: string) => Promise<boolean>, olderThanMs: number): Promise<number> {
    let removed = 0;
    for await (const id of this.#ids()) {
      const path = this.#path(id);
      const age = await this.#ageMs(path);
      if (age === null || age <= olderThanMs || (await isUsed(id))) continue;
      if (await this.#remove(path)) removed++;
    }
    return removed;
  }

  async #fill(file: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<Omit<Blob, 'id'>> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      await this.#io(this.#dir, () => file.writeFile(chunk));
    }
    return { bytes, sha256: hash.digest('hex') };
  }

  #create(id: string): Promise<FileHandle> {
    const path = this.#path(id);
    return this.#io(path, async () => {
      await this.#folders.make(folderOf(id));
      return open(path, 'wx', 0o600);
    });
  }

  /** Returns whether it was there. */
  async #remove(path: string): Promise<boolean> {
    try {
      await unlink(path);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw faultOf(error, path);
    }
  }

  /** Files are dated by the wall. While that is ahead of the steady clock or behind it, what was just written is never old. */
  async #ageMs(path: string): Promise<number | null> {
    try {
      const { mtimeMs } = await stat(path);
      return Math.min(this.#clock.wallMs(), this.#steadyMs()) - mtimeMs;
    } catch (error) {
      if (isMissing(error)) return null;
      throw faultOf(error, path);
    }
  }

  async *#ids(): AsyncGenerator<string> {
    for await (const folder of this.#entries(this.#dir))
      if (/^[0-9a-f]{2}$/.test(folder))
        for await (const id of this.#entries(join(this.#dir, folder))) if (idPattern.test(id)) yield id;
  }

  async *#entries(folder: string): AsyncGenerator<string> {
    try {
      for await (const { name } of await opendir(folder)) yield name;
    } catch (error) {
      if (!isMissing(error)) throw error instanceof PilotlightError ? error : faultOf(error, folder);
    }
  }

  #path(id: string): string {
    return join(this.#dir, folderOf(id), id);
  }

  async #io<T>(path: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw faultOf(error, path);
    }
  }
}

function folderOf(id: string): string {
  return id.slice(0, 2);
}

function notFound(id: string): PilotlightError {
  return new PilotlightError('file_not_found', `blob ${JSON.stringify(id)} is not kept`);
}
