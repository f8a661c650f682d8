import { join, resolve } from 'node:path';
import { z } from 'zod';

/** Where jobs are kept. `file`: absolute path. */
export type StoreSettings =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'redis'; readonly url: string };

const storeError = 'must be memory, sqlite, sqlite:PATH or redis://HOST:PORT';

/** `store` and `stateDir`. */
export const storeSchema = z
  .string({ error: storeError })
  .regex(/^(memory|sqlite|sqlite:.+|rediss?:\/\/\S+)$/, { error: storeError })
  .prefault('sqlite')
  .describe(
    'Where jobs are kept: sqlite (a file in stateDir, or sqlite:PATH), redis://HOST:PORT (rediss:// with TLS), or memory, which a restart empties. Opened only where a surface makes jobs.',
  );

export const stateDirSchema = z
  .string()
  .min(1)
  .prefault('.pilotlight')
  .describe(
    "Folder for what outlives the process: the store's file, large inputs and outputs of jobs. Relative to the configuration's folder.",
  );

/** `folder` is where relative paths start. */
export function storeOf(store: string, stateDir: string, folder: string): StoreSettings {
  if (store === 'memory') return { kind: 'memory' };
  if (store.startsWith('redis')) return { kind: 'redis', url: store };
  const [, path] = store.split(/^sqlite:/);
  const file = path === undefined ? join(stateDirOf(stateDir, folder), 'jobs.sqlite') : resolve(folder, path);
  return { kind: 'sqlite', file };
}

export function stateDirOf(stateDir: string, folder: string): string {
  return resolve(folder, stateDir);
}
