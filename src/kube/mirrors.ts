import type { Kept, Mirror, MirrorLease, MirrorSpec, Mirrors } from './mirror.ts';
import { MirrorViews } from './mirror-views.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

interface Entry {
  readonly views: MirrorViews;
  readonly reflector: Reflector;
  readonly ended: Promise<void>;
  readonly stop: AbortController;
}

/** Mirrors that share their watches: see Mirrors. */
export function createMirrors(options: ReflectorOptions): Mirrors {
  const entryByTarget = new Map<string, Entry>();
  const ending = new Set<Promise<void>>();

  function open(target: string, views: MirrorViews): Entry {
    const stop = new AbortController();
    const reflector = new Reflector(options, { target, views, signal: stop.signal });
    const entry = { views, reflector, stop, ended: reflector.run() };
    entryByTarget.set(target, entry);
    return entry;
  }

  function end(target: string, entry: Entry): void {
    entryByTarget.delete(target);
    entry.stop.abort();
    ending.add(entry.ended);
    void entry.ended.then(() => ending.delete(entry.ended));
  }

  function use({ path, query = '', project }: MirrorSpec<Kept>): MirrorLease<Kept> {
    const target = query === '' ? path : `${path}?${query}`;
    const known = entryByTarget.get(target);
    const views = known?.views ?? new MirrorViews(path, options);
    const { content, isNew } = views.use(project);
    const entry = known ?? open(target, views);
    if (known !== undefined && isNew) known.reflector.listAgain();
    let isReleased = false;
    return {
      mirror: content,
      release() {
        if (isReleased) return;
        isReleased = true;
        views.release(project);
        if (views.isUnused && entryByTarget.get(target) === entry) end(target, entry);
      },
    };
  }

  return {
    use<T extends Kept>(spec: MirrorSpec<T>): MirrorLease<T> {
      const { mirror, release } = use(spec);
      // What a projection gives is what its mirror holds.
      return { mirror: mirror as unknown as Mirror<T>, release };
    },
    get size() {
      return entryByTarget.size;
    },
    async close() {
      for (const [target, entry] of [...entryByTarget]) end(target, entry);
      await Promise.all(ending);
    },
  };
}
