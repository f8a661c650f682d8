import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The folders below one, made when they are first needed; what is made is on the disk before it is used. */
export class Folders {
  readonly #dir: string;
  readonly #made = new Map<string, Promise<void>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Once for each name; a failure is forgotten, so that the next call tries again. */
  make(name: string): Promise<void> {
    const made = this.#made.get(name);
    if (made) return made;
    const making = this.#make(name).catch((error: unknown) => {
      this.#made.delete(name);
      throw error;
    });
    this.#made.set(name, making);
    return making;
  }

  /** The names of the files in it are on the disk when this resolves. */
  sync(name: string): Promise<void> {
    return syncFolder(join(this.#dir, name));
  }

  async #make(name: string): Promise<void> {
    const first = await mkdir(join(this.#dir, name), { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let path = join(this.#dir, name); path.length >= first.length; path = dirname(path))
      await syncFolder(dirname(path));
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
