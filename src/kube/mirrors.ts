import type { Kept, Mirror, MirrorLease, MirrorSpec, Mirrors } from './mirror.ts';
import { MirrorContent } from './mirror-content.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

interface Entry {
  readonly content: Mirror<Kept>;
  readonly ended: Promise<void>;
  readonly stop: AbortController;
  uses: number;
}

/** Mirrors that share their watches: see Mirrors. */
export function createMirrors(options: ReflectorOptions): Mirrors {
  const entryByKey = new Map<string, Entry>();
  const ending = new Set<Promise<void>>();

  function open<T extends Kept>(spec: MirrorSpec<T>): Entry {
    const content = new MirrorContent<T>((ms, signal) => options.clock.sleep(ms, signal));
    const stop = new AbortController();
    const ended = new Reflector(options, { spec, content, signal: stop.signal }).run();
    return { content: content as unknown as Mirror<Kept>, ended, stop, uses: 0 };
  }

  function end(key: string, entry: Entry): void {
    entryByKey.delete(key);
    entry.stop.abort();
    ending.add(entry.ended);
    void entry.ended.then(() => ending.delete(entry.ended));
  }

  return {
    use<T extends Kept>(spec: MirrorSpec<T>): MirrorLease<T> {
      const key = `${spec.path}?${spec.query ?? ''}`;
      const entry = entryByKey.get(key) ?? open(spec);
      entryByKey.set(key, entry);
      entry.uses++;
      let isReleased = false;
      return {
        mirror: entry.content as unknown as Mirror<T>,
        release() {
          if (isReleased) return;
          isReleased = true;
          if (--entry.uses === 0 && entryByKey.get(key) === entry) end(key, entry);
        },
      };
    },
    get size() {
      return entryByKey.size;
    },
    async close() {
      for (const [key, entry] of [...entryByKey]) end(key, entry);
      await Promise.all(ending);
    },
  };
}
