import { type FSWatcher, type Stats, stat, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** A write comes as several events (truncate, write, rename); this long after the last one the file is read. */
const settleMs = 100;
/** Between two looks at what no event tells of. */
const lookMs = 2_000;

/**
 * Calls `onChange` after the file was written, replaced by rename, or swapped by a ConfigMap's `..data` link. It
 * watches the folder, because a watch on the file goes blind after a rename; other files there are ignored. What no
 * event tells of is seen within seconds by looking at the file: one that a link in another folder leads to, a network
 * mount, a machine that has no watches left.
 */
export function watchConfig(file: string, onChange: () => void): { close(): void } {
  let told = marksOf(file);
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      told = marksOf(file);
      onChange();
    }, settleMs);
    timer.unref();
  };
  const watcher = watchFolder(file, settle);
  const look = setInterval(() => {
    stat(file, (error, now) => {
      if (!isClosed && error === null && marks(now) !== told) settle();
    });
  }, lookMs);
  look.unref();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      clearInterval(look);
      watcher?.close();
    },
  };
}

function watchFolder(file: string, onEvent: () => void): FSWatcher | null {
  const name = basename(file);
  try {
    const watcher = watch(dirname(file), { persistent: false }, (_, changed) => {
      if (changed === null || changed === name || changed === '..data') onEvent();
    });
    // The folder itself was removed: the configuration that is loaded stays, and the file is looked for.
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    // No watches left (ENOSPC, EMFILE), or none here: the file is looked at.
    return null;
  }
}

/** What changes with the file that the path leads to; empty while there is none. */
function marksOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? '' : marks(stats);
}

function marks({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}
