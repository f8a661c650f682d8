import { SortedList } from './sorted-list.ts';

/** The place of an id in a list that is ordered by a number, then by id. */
export interface Mark {
  readonly at: number;
  readonly id: string;
}

/** The smallest number first. */
export function ascendingMarks(): SortedList<Mark> {
  return new SortedList(compareMarks);
}

/** The largest number first. */
export function descendingMarks(): SortedList<Mark> {
  return new SortedList((a, b) => compareMarks(b, a));
}

function compareMarks(a: Mark, b: Mark): number {
  if (a.at !== b.at) return a.at - b.at;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

/** Lists by a name, there only while they are not empty. */
export class NamedMarks {
  readonly #lists = new Map<string, SortedList<Mark>>();
  readonly #create: () => SortedList<Mark>;

  constructor(create: () => SortedList<Mark>) {
    this.#create = create;
  }

  add(name: string, mark: Mark): void {
    const list = this.#lists.get(name) ?? this.#create();
    this.#lists.set(name, list);
    list.add(mark);
  }

  delete(name: string, mark: Mark): void {
    const list = this.#lists.get(name);
    list?.delete(mark);
    if (list?.isEmpty) this.#lists.delete(name);
  }

  values(name: string, after?: Mark): Iterable<Mark> {
    return this.#lists.get(name)?.values(after) ?? [];
  }
}

/** The ids of the first `limit` of them for which `isOf` holds. */
export function idsOf(
  marks: Iterable<Mark>,
  limit: number,
  isOf: (mark: Mark) => boolean = () => true,
): string[] {
  const ids: string[] = [];
  if (limit <= 0) return ids;
  for (const mark of marks) {
    if (!isOf(mark)) break;
    ids.push(mark.id);
    if (ids.length === limit) break;
  }
  return ids;
}
