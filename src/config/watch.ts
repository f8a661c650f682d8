import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** A write comes as several events (truncate, write, rename); this long after the last one the file is read. */
const settleMs = 100;

/**
 * Calls `onChange` after the file was written, replaced by rename, or swapped by a ConfigMap's `..data` link. It
 * watches the folder, because a watch on the file goes blind after a rename; other files there are ignored. Throws
 * when the folder cannot be watched.
 */
export function watchConfig(file: string, onChange: () => void): { close(): void } {
  const name = basename(file);
  let timer: NodeJS.Timeout | undefined;
  const watcher: FSWatcher = watch(dirname(file), { persistent: false }, (_, changed) => {
    if (changed !== null && changed !== name && changed !== '..data') return;
    clearTimeout(timer);
    timer = setTimeout(onChange, settleMs);
    timer.unref();
  });
  // The folder itself was removed: the configuration that is loaded stays, as with a bad change.
  watcher.on('error', () => watcher.close());
  return {
    close() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
