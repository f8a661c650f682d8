import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A place for a store's file in a folder of its own, which `remove` takes away. */
export async function storeFile(): Promise<{ readonly file: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'pilotlight-store-'));
  return {
    file: join(folder, 'state', 'jobs.sqlite'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
