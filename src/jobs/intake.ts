import { randomUUID } from 'node:crypto';
import type { JobOrder } from '../core/desk.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import type { JobChange } from '../core/job-store.ts';
import type { Caller } from '../core/surface.ts';
import type { KeptBody } from './bodies.ts';
import type { JobBook } from './book.ts';
import { contentOf, draftOf, fingerprintOf } from './draft.ts';
import { QueueBound } from './queue-bound.ts';

/** Jobs that are committed together. */
const chunkLength = 250;

/** A job that is asked for, with its bytes kept. */
interface Drafted {
  readonly job: Job;
  readonly kept: KeptBody;
  readonly change: JobChange;
}

/** Where jobs are accepted. Rejects with queue_full, idempotency_conflict, store_full, store_unavailable: nothing was accepted then, or it was and the client cannot know. */
export class Intake {
  readonly #book: JobBook;
  readonly #bound: QueueBound;

  constructor(book: JobBook) {
    this.#book = book;
    this.#bound = new QueueBound({ store: book.store, maxQueued: book.settings.maxQueued });
  }

  /** Durable when it resolves. `isNew` false: the same was asked for before. */
  async create(order: JobOrder, caller: Caller): Promise<{ readonly job: Job; readonly isNew: boolean }> {
    await this.#bound.take(order.model, 1);
    const drafted = await this.#draft(order, caller);
    const [job] = await this.#commit([drafted]);
    return { job: job!, isNew: job === drafted.job };
  }

  /** Many at once; those that were accepted before (by id, or by idempotency key) are left as they are. */
  async createMany(orders: readonly JobOrder[], caller: Caller): Promise<void> {
    for (let from = 0; from < orders.length; from += chunkLength) {
      const chunk = orders.slice(from, from + chunkLength);
      for (const [model, count] of countsByModel(chunk)) await this.#bound.take(model, count);
      await this.#commit(await Promise.all(chunk.map((order) => this.#draft(order, caller))));
    }
  }

  async #draft(order: JobOrder, { tenant, signal }: Caller): Promise<Drafted> {
    const { bodies, store, settings } = this.#book;
    const id = order.id ?? `job_${randomUUID().replaceAll('-', '')}`;
    const content = contentOf(order.invocation);
    const kept = await bodies.keep(content, { job: id, tenant }, signal);
    const fingerprint = fingerprintOf(order, content);
    const nowMs = store.nowMs();
    const job = draftOf(order, { id, tenant, nowMs, body: kept.body, fingerprint, settings });
    const change: JobChange = { expected: 0, id, next: job };
    return { job, kept, change: kept.bytes === null ? change : { ...change, input: kept.bytes } };
  }

  /** The jobs that are there then: those drafted, or those that were there before with the same content. */
  async #commit(drafts: readonly Drafted[]): Promise<readonly Job[]> {
    const outcomes = await this.#book.store.commit(drafts.map(({ change }) => change));
    const jobs: Job[] = [];
    const clashes: Job[] = [];
    for (const [at, outcome] of outcomes.entries()) {
      const { job, kept } = drafts[at]!;
      jobs.push(outcome.kind === 'done' ? job : (outcome.job ?? job));
      if (outcome.kind === 'done') continue;
      await this.#book.discard(kept);
      if (!isSame(outcome.job, job)) clashes.push(job);
    }
    if (clashes.length > 0) throw conflictOf(clashes[0]!);
    return jobs;
  }
}

/** Whether what is there is what was asked for. One that was removed in this very moment is not: the client may ask again. */
function isSame(there: Job | null, asked: Job): boolean {
  return there !== null && there.tenant === asked.tenant && there.fingerprint === asked.fingerprint;
}

function conflictOf({ id, idempotencyKey }: Job): PilotlightError {
  const name = idempotencyKey === null ? `id "${id}"` : 'idempotency key';
  return new PilotlightError('idempotency_conflict', `the ${name} was used before, with another request`);
}

function countsByModel(orders: readonly JobOrder[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { model } of orders) counts.set(model, (counts.get(model) ?? 0) + 1);
  return counts;
}
