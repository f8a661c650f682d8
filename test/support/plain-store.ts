import { type Job, type JobEvent, keptEvents } from '../../src/core/job.ts';
import { indexOf, type JobRank, rankOf } from '../../src/core/job-index.ts';
import { hasBytes } from '../../src/core/job-note.ts';
import type {
  Backlog,
  CommitOutcome,
  Delivery,
  JobChange,
  JobCounts,
  JobQuery,
} from '../../src/core/job-store.ts';

interface Kept {
  job: Job;
  input: Buffer | null;
  output: Buffer | null;
  events: readonly JobEvent[];
  deliveries: readonly Delivery[];
}

/** What a store must answer, worked out anew for each question from a list of jobs: slow, and short enough to be seen right. */
export class PlainStore {
  #kept: readonly Kept[] = [];

  commit({ id, expected, next, ...more }: JobChange): CommitOutcome {
    const last = this.#of(id);
    if ((last?.job.version ?? 0) !== expected) return { kind: 'conflict', job: last?.job ?? null };
    const key = next?.idempotencyKey ?? null;
    const twin = this.#kept.find(({ job }) => key !== null && job.idempotencyKey === key && job.id !== id);
    if (twin && !last) return { kind: 'conflict', job: twin.job };
    const others = this.#kept.filter(({ job }) => job.id !== id);
    if (!next) this.#kept = others;
    else this.#kept = [...others, keptOf(last, next, more)];
    return { kind: 'done' };
  }

  get(id: string): Job | null {
    return this.#of(id)?.job ?? null;
  }

  body(id: string, part: 'input' | 'output'): Buffer | null {
    return this.#of(id)?.[part] ?? null;
  }

  events(id: string, afterSeq: number, limit: number): readonly JobEvent[] {
    return (this.#of(id)?.events ?? []).filter(({ seq }) => seq > afterSeq).slice(0, limit);
  }

  head(model: string, maxRank: JobRank, limit: number): readonly string[] {
    return this.#jobs()
      .flatMap((job) => ({ job, queue: indexOf(job).queue }))
      .filter(({ queue }) => queue?.model === model && queue.rank <= maxRank)
      .toSorted((a, b) => a.queue!.rank - b.queue!.rank || inOrder(a.job, b.job, 'queuedAtMs'))
      .slice(0, limit)
      .map(({ job }) => job.id);
  }

  due(nowMs: number, limit: number): readonly string[] {
    return this.#due()
      .filter(({ dueAtMs }) => dueAtMs <= nowMs)
      .slice(0, limit)
      .map(({ id }) => id);
  }

  nextDueMs(): number | null {
    return this.#due()[0]?.dueAtMs ?? null;
  }

  /** The whole list, without pages. */
  list({ tenant, surface, model, states }: Omit<JobQuery, 'before' | 'limit'>): readonly Job[] {
    return this.#jobs()
      .filter((job) => job.tenant === tenant)
      .filter((job) => surface === undefined || job.surface === surface)
      .filter((job) => model === undefined || job.model === model)
      .filter((job) => !states || states.includes(job.state))
      .toSorted((a, b) => inOrder(b, a, 'createdAtMs'));
  }

  counts(of: { readonly model: string } | { readonly group: string }): JobCounts {
    const jobs = this.#jobs().filter((job) =>
      'model' in of ? job.model === of.model : job.group?.id === of.group,
    );
    return Object.fromEntries(
      jobs.map(({ state }) => [state, jobs.filter((job) => job.state === state).length]),
    );
  }

  backlog(): readonly Backlog[] {
    const queued = this.#jobs().filter(({ state }) => state === 'queued');
    const count = (model: string, rank: number) =>
      queued.filter((job) => job.model === model && rankOf[job.priority] === rank).length;
    return [...new Set(queued.map(({ model }) => model))].toSorted().map((model) => ({
      model,
      byRank: [count(model, 0), count(model, 1), count(model, 2)],
    }));
  }

  groupMembers(group: string, fromIndex: number, limit: number): readonly Job[] {
    return this.#jobs()
      .filter((job) => job.group?.id === group && job.group.index >= fromIndex)
      .toSorted((a, b) => a.group!.index - b.group!.index)
      .slice(0, limit);
  }

  take(nowMs: number, untilMs: number, limit: number): readonly Delivery[] {
    const taken = this.#deliveries()
      .filter(({ dueAtMs }) => dueAtMs <= nowMs)
      .slice(0, limit)
      .map((delivery) => ({ ...delivery, dueAtMs: untilMs }));
    for (const delivery of taken) this.#replace(delivery.id, delivery);
    return taken;
  }

  settle(taken: Delivery, next: Delivery | null): boolean {
    const kept = this.#deliveries().find(({ id }) => id === taken.id);
    if (kept?.dueAtMs !== taken.dueAtMs) return false;
    this.#replace(taken.id, next);
    return true;
  }

  nextDeliveryMs(): number | null {
    return this.#deliveries()[0]?.dueAtMs ?? null;
  }

  #of(id: string): Kept | undefined {
    return this.#kept.find(({ job }) => job.id === id);
  }

  #jobs(): Job[] {
    return this.#kept.map(({ job }) => job);
  }

  #due(): { id: string; dueAtMs: number }[] {
    return this.#jobs()
      .flatMap((job) => ({ id: job.id, dueAtMs: indexOf(job).dueAtMs ?? Number.POSITIVE_INFINITY }))
      .filter(({ dueAtMs }) => Number.isFinite(dueAtMs))
      .toSorted((a, b) => inOrder(a, b, 'dueAtMs'));
  }

  #deliveries(): Delivery[] {
    return this.#kept.flatMap(({ deliveries }) => deliveries).toSorted((a, b) => inOrder(a, b, 'dueAtMs'));
  }

  #replace(id: string, next: Delivery | null): void {
    for (const kept of this.#kept)
      kept.deliveries = kept.deliveries.flatMap((other) => (other.id === id ? (next ?? []) : other));
  }
}

function keptOf(last: Kept | undefined, next: Job, more: Omit<JobChange, 'id' | 'expected' | 'next'>): Kept {
  return {
    job: next,
    input: hasBytes(next, 'input') ? (more.input ?? last?.input ?? null) : null,
    output: hasBytes(next, 'output') ? (more.output ?? last?.output ?? null) : null,
    events: [...(last?.events ?? []), ...(more.events ?? [])].slice(-keptEvents),
    deliveries: [...(last?.deliveries ?? []), ...(more.deliveries ?? [])],
  };
}

/** By a number, then by id. */
function inOrder<Key extends string>(
  a: { readonly id: string } & Readonly<Record<Key, number>>,
  b: { readonly id: string } & Readonly<Record<Key, number>>,
  key: Key,
): number {
  return a[key] - b[key] || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
