import type { Kept, Mirror, MirrorSpec } from './mirror.ts';
import { MirrorContent } from './mirror-content.ts';
import type { ReflectorOptions } from './reflector.ts';

type Project = MirrorSpec<Kept>['project'];

interface View {
  readonly content: MirrorContent<Kept>;
  uses: number;
}

/** The mirrors of one collection: one for each projection of it, all of them fed by the same watch. */
export class MirrorViews {
  readonly #path: string;
  readonly #options: Pick<ReflectorOptions, 'clock' | 'onFault'>;
  readonly #viewByProject = new Map<Project, View>();
  #isFresh = false;
  #fault: Mirror<Kept>['fault'] = null;

  constructor(path: string, options: Pick<ReflectorOptions, 'clock' | 'onFault'>) {
    this.#path = path;
    this.#options = options;
  }

  /** Whether the watch is open, or was a moment ago. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  get fault(): Mirror<Kept>['fault'] {
    return this.#fault;
  }

  get isUnused(): boolean {
    return this.#viewByProject.size === 0;
  }

  /** The mirror of a projection; `isNew`: it knows nothing until the next list. */
  use(project: Project): { readonly content: MirrorContent<Kept>; readonly isNew: boolean } {
    const known = this.#viewByProject.get(project);
    if (known !== undefined) {
      known.uses++;
      return { content: known.content, isNew: false };
    }
    const { clock } = this.#options;
    const content = new MirrorContent<Kept>((ms, signal) => clock.sleep(ms, signal));
    content.become(false, this.#fault);
    this.#viewByProject.set(project, { content, uses: 1 });
    return { content, isNew: true };
  }

  release(project: Project): void {
    const view = this.#viewByProject.get(project);
    if (view !== undefined && --view.uses === 0) this.#viewByProject.delete(project);
  }

  /** Begins to take a list, page by page, for the mirrors that there are now. */
  beginList(): { take(items: readonly unknown[]): void; end(): void } {
    const lists = [...this.#viewByProject].map(([project, { content }]) => {
      return { project, content, objects: [] as Kept[] };
    });
    return {
      take: (items) => {
        for (const { project, objects } of lists) {
          for (const item of items) {
            const object = this.#project(project, item);
            if (object !== null) objects.push(object);
          }
        }
      },
      end() {
        for (const { content, objects } of lists) content.replace(objects);
      },
    };
  }

  /** Takes an object that came or changed. */
  set(named: Pick<Kept, 'namespace' | 'name'>, object: unknown): void {
    for (const [project, { content }] of [...this.#viewByProject]) {
      const kept = this.#project(project, object);
      if (kept === null) content.delete(named);
      else content.set(kept);
    }
  }

  delete(named: Pick<Kept, 'namespace' | 'name'>): void {
    for (const { content } of [...this.#viewByProject.values()]) content.delete(named);
  }

  /** Tells the state of the watch; a mirror that was not listed yet is not fresh. */
  become(isFresh: boolean, fault: Mirror<Kept>['fault']): void {
    this.#isFresh = isFresh;
    this.#fault = fault;
    for (const { content } of [...this.#viewByProject.values()])
      content.become(isFresh && content.isSynced, fault);
  }

  /** An object of another shape than expected is not kept; it must not end the watch of the others. */
  #project(project: Project, object: unknown): Kept | null {
    try {
      return project(object);
    } catch (error) {
      this.#options.onFault(this.#path, error);
      return null;
    }
  }
}
