import type { Delivery } from '../../core/job-store.ts';
import { ascendingMarks, idsOf } from './marks.ts';

/** What webhooks are still to be told. */
export class Outbox {
  readonly #byId = new Map<string, Delivery>();
  readonly #idsByJob = new Map<string, Set<string>>();
  readonly #due = ascendingMarks();

  add(delivery: Delivery): void {
    const { id, jobId, dueAtMs } = delivery;
    this.#byId.set(id, delivery);
    this.#due.add({ at: dueAtMs, id });
    const ids = this.#idsByJob.get(jobId);
    if (ids) ids.add(id);
    else this.#idsByJob.set(jobId, new Set([id]));
  }

  take(nowMs: number, untilMs: number, limit: number): Delivery[] {
    const ids = idsOf(this.#due.values(), limit, ({ at }) => at <= nowMs);
    return ids.map((id) => {
      const taken = { ...this.#byId.get(id)!, dueAtMs: untilMs };
      this.#replace(taken);
      return taken;
    });
  }

  settle(taken: Delivery, next: Delivery | null): boolean {
    if (this.#byId.get(taken.id)?.dueAtMs !== taken.dueAtMs) return false;
    if (next) this.#replace(next);
    else this.#delete(taken.id);
    return true;
  }

  nextMs(): number | null {
    return this.#due.first()?.at ?? null;
  }

  deleteOfJob(jobId: string): void {
    for (const id of [...(this.#idsByJob.get(jobId) ?? [])]) this.#delete(id);
  }

  #replace(delivery: Delivery): void {
    this.#delete(delivery.id);
    this.add(delivery);
  }

  #delete(id: string): void {
    const { jobId, dueAtMs } = this.#byId.get(id)!;
    this.#byId.delete(id);
    this.#due.delete({ at: dueAtMs, id });
    const ids = this.#idsByJob.get(jobId)!;
    ids.delete(id);
    if (ids.size === 0) this.#idsByJob.delete(jobId);
  }
}
