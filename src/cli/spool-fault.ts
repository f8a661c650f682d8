import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Why no files could be made in the spool's folder, which may not exist yet, in one line; null: they could. */
export async function spoolFault(dir: string): Promise<string | null> {
  // The folder is made on first use: until then its nearest parent counts.
  for (let folder = resolve(dir); ; folder = dirname(folder)) {
    const code = await accessFault(folder);
    if (code === null) return null;
    if (code === 'ENOENT' && folder !== dirname(folder)) continue;
    const reason = code === 'EACCES' ? 'permission denied' : code;
    return `server.spool.dir ${dir} cannot be written (${reason}): bodies beyond server.heldMemory will be refused`;
  }
}

async function accessFault(folder: string): Promise<string | null> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
