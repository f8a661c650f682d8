import { PilotlightError } from '../core/errors.ts';
import type { JobStore } from '../core/job-store.ts';

/** What a QueueBound looks at. */
export interface QueueBoundOptions {
  readonly store: JobStore;
  /** `jobs.maxQueued`: jobs of one model that may be queued. */
  readonly maxQueued: number;
}

/** So long what was counted is taken for what there is, together with what came since by this process. */
const freshMs = 1_000;

/**
 * The bound on the jobs of a model that are queued. It asks the store at most once a second, and counts in between what comes:
 * several gateways on one store may go over it by what the others take in a second.
 */
export class QueueBound {
  readonly #options: QueueBoundOptions;
  #queued = new Map<string, number>();
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | null = null;

  constructor(options: QueueBoundOptions) {
    this.#options = options;
  }

  /** Takes room for `count` more jobs of a model. Rejects with queue_full, store_unavailable. */
  async take(model: string, count: number): Promise<void> {
    const { store, maxQueued } = this.#options;
    if (store.nowMs() - this.#countedAtMs >= freshMs) await this.#count();
    const queued = this.#queued.get(model) ?? 0;
    if (queued + count > maxQueued) throw full(model, { queued, count, maxQueued });
    this.#queued.set(model, queued + count);
  }

  #count(): Promise<void> {
    this.#counting ??= this.#ask().finally(() => {
      this.#counting = null;
    });
    return this.#counting;
  }

  async #ask(): Promise<void> {
    const { store } = this.#options;
    const backlog = await store.backlog();
    this.#queued = new Map(
      backlog.map(({ model, byRank: [high, normal, low] }) => [model, high + normal + low]),
    );
    this.#countedAtMs = store.nowMs();
  }
}

function full(model: string, { queued, count, maxQueued }: Record<'queued' | 'count' | 'maxQueued', number>) {
  const more = count === 1 ? '' : `, and ${count} more were asked for`;
  const message = `queue full: model "${model}" has ${queued} of ${maxQueued} jobs queued${more} (jobs.maxQueued)`;
  return new PilotlightError('queue_full', message, { retryAfterMs: 10_000 });
}
