import type { Kept, ListReason, Mirror, MirrorLease, MirrorSpec, Mirrors } from './mirror.ts';
import { MirrorViews } from './mirror-views.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

interface Entry {
  readonly views: MirrorViews;
  readonly reflector: Reflector;
  readonly ended: Promise<void>;
  readonly stop: AbortController;
}

/** What mirrors are made with. */
export type MirrorsOptions = Omit<ReflectorOptions, 'onList'>;

/** Mirrors that share their watches: see Mirrors. */
export function createMirrors(options: MirrorsOptions): Mirrors {
  const lists = new Map<ListReason, number>([
    ['first', 0],
    ['expired', 0],
    ['resync', 0],
    ['projection', 0],
  ]);
  const onList = (reason: ListReason) => lists.set(reason, lists.get(reason)! + 1);
  const entryByPath = new Map<string, Entry>();
  const ending = new Set<Promise<void>>();

  function open(path: string, views: MirrorViews): Entry {
    const stop = new AbortController();
    const reflector = new Reflector({ ...options, onList }, { path, views, signal: stop.signal });
    const entry = { views, reflector, stop, ended: reflector.run() };
    entryByPath.set(path, entry);
    return entry;
  }

  function end(path: string, entry: Entry): void {
    entryByPath.delete(path);
    entry.stop.abort();
    ending.add(entry.ended);
    void entry.ended.then(() => ending.delete(entry.ended));
  }

  function use({ path, project }: MirrorSpec<Kept>): MirrorLease<Kept> {
    const known = entryByPath.get(path);
    const views = known?.views ?? new MirrorViews(path, options);
    const { content, isNew } = views.use(project);
    const entry = known ?? open(path, views);
    if (known !== undefined && isNew) known.reflector.listAgain();
    let isReleased = false;
    return {
      mirror: content,
      release() {
        if (isReleased) return;
        isReleased = true;
        views.release(project);
        if (views.isUnused && entryByPath.get(path) === entry) end(path, entry);
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
      return entryByPath.size;
    },
    lists,
    async close() {
      for (const [path, entry] of [...entryByPath]) end(path, entry);
      await Promise.all(ending);
    },
  };
}
