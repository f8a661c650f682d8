import type { Job, JobState } from '../../core/job.ts';
import { indexOf, type JobRank, rankOf } from '../../core/job-index.ts';
import type { Backlog, JobCounts } from '../../core/job-store.ts';
import { ascendingMarks, descendingMarks, idsOf, type Mark, NamedMarks } from './marks.ts';

/** All lists in which jobs stand besides under their id. */
export class JobLists {
  readonly #queues = new NamedMarks(ascendingMarks);
  readonly #due = ascendingMarks();
  readonly #byTenant = new NamedMarks(descendingMarks);
  readonly #byGroup = new NamedMarks(ascendingMarks);
  readonly #idByKey = new Map<string, string>();
  readonly #counts = new Map<string, Map<JobState, number>>();
  readonly #backlog = new Map<string, [number, number, number]>();

  add(job: Job): void {
    this.#move(job, 'add');
  }

  delete(job: Job): void {
    this.#move(job, 'delete');
  }

  idOfKey(idempotencyKey: string): string | undefined {
    return this.#idByKey.get(idempotencyKey);
  }

  head(model: string, maxRank: JobRank, limit: number): string[] {
    const ids: string[] = [];
    for (let rank = 0; rank <= maxRank && ids.length < limit; rank++)
      ids.push(...idsOf(this.#queues.values(`${rank} ${model}`), limit - ids.length));
    return ids;
  }

  due(nowMs: number, limit: number): string[] {
    return idsOf(this.#due.values(), limit, ({ at }) => at <= nowMs);
  }

  nextDueMs(): number | null {
    return this.#due.first()?.at ?? null;
  }

  /** Newest first; those after the end of a page. */
  ofTenant(tenant: string, after?: Mark): Iterable<Mark> {
    return this.#byTenant.values(tenant, after);
  }

  ofGroup(group: string, fromIndex: number, limit: number): string[] {
    return idsOf(this.#byGroup.values(group, { at: fromIndex, id: '' }), limit);
  }

  counts(of: { readonly model: string } | { readonly group: string }): JobCounts {
    return Object.fromEntries(this.#counts.get(countKey(of)) ?? []);
  }

  backlog(): Backlog[] {
    return [...this.#backlog].map(([model, byRank]) => ({ model, byRank: [...byRank] }));
  }

  #move(job: Job, act: 'add' | 'delete'): void {
    const { id, group } = job;
    const { queue, dueAtMs } = indexOf(job);
    if (queue) this.#queues[act](`${queue.rank} ${queue.model}`, { at: job.queuedAtMs, id });
    if (dueAtMs !== null) this.#due[act]({ at: dueAtMs, id });
    this.#byTenant[act](job.tenant, { at: job.createdAtMs, id });
    if (group) this.#byGroup[act](group.id, { at: group.index, id });
    const by = act === 'add' ? 1 : -1;
    this.#count(countKey({ model: job.model }), job.state, by);
    if (group) this.#count(countKey({ group: group.id }), job.state, by);
    if (job.state === 'queued') this.#countQueued(job, by);
    if (job.idempotencyKey === null) return;
    if (act === 'add') this.#idByKey.set(job.idempotencyKey, id);
    else this.#idByKey.delete(job.idempotencyKey);
  }

  #count(key: string, state: JobState, by: number): void {
    const counts = this.#counts.get(key) ?? new Map<JobState, number>();
    this.#counts.set(key, counts);
    const count = (counts.get(state) ?? 0) + by;
    if (count > 0) counts.set(state, count);
    else counts.delete(state);
    if (counts.size === 0) this.#counts.delete(key);
  }

  #countQueued(job: Job, by: number): void {
    const byRank = this.#backlog.get(job.model) ?? [0, 0, 0];
    byRank[rankOf[job.priority]] += by;
    if (byRank.some((count) => count > 0)) this.#backlog.set(job.model, byRank);
    else this.#backlog.delete(job.model);
  }
}

function countKey(of: { readonly model: string } | { readonly group: string }): string {
  return 'model' in of ? `model ${of.model}` : `group ${of.group}`;
}
