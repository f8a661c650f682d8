import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A disk of its own that is soon full. */
export interface SmallDisk {
  readonly dir: string;
  remove(): Promise<void>;
}

/** null where this process may not mount one (Linux, and root); a line on stderr says so. */
export async function smallDisk(bytes: number): Promise<SmallDisk | null> {
  const dir = await mkdtemp(join(tmpdir(), 'pilotlight-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'pilotlight', dir]);
  } catch (error) {
    await rm(dir, { recursive: true });
    process.stderr.write(`left out: what a full disk does (no tmpfs can be mounted: ${String(error)})\n`);
    return null;
  }
  return {
    dir,
    async remove() {
      await run('umount', ['-l', dir]);
      await rm(dir, { recursive: true });
    },
  };
}
