import { createHash } from 'node:crypto';
import type { BlobStore } from '../../src/core/blobs.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { Desk, DeskModel, JobDesk, JobOrder } from '../../src/core/desk.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import { isEnded, type Job, type JobState } from '../../src/core/job.ts';
import type { JobNote, JobStore } from '../../src/core/job-store.ts';
import { openMemoryStore } from '../../src/stores/memory/store.ts';

/** Blobs in memory. */
function playedBlobs(): BlobStore & { readonly contents: Map<string, Buffer> } {
  const contents = new Map<string, Buffer>();
  return {
    contents,
    async write(source, maxBytes, signal) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of source) chunks.push(chunk);
      signal.throwIfAborted();
      const content = Buffer.concat(chunks);
      if (content.length > maxBytes) throw new PilotlightError('body_too_large', 'too large');
      const id = `blob-${contents.size}-${Math.random()}`;
      contents.set(id, content);
      return { id, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
    },
    async *read(id) {
      const content = contents.get(id);
      if (content === undefined) throw new PilotlightError('file_not_found', `no blob ${id}`);
      // In pieces that end in the middle of lines.
      for (let at = 0; at < content.length; at += 1_000) yield content.subarray(at, at + 1_000);
    },
    async delete(id) {
      contents.delete(id);
    },
    collect: async () => 0,
  };
}

/** What of the desk batches use, with jobs that run when the test says so. Counts how often each row was made. */
export class PlayedBatchDesk {
  readonly store: JobStore;
  readonly blobs = playedBlobs();
  readonly jobs = new Map<string, Job>();
  readonly outputs = new Map<string, Buffer>();
  readonly made = new Map<string, number>();
  readonly desk: Desk;
  readonly #listeners = new Set<(note: JobNote) => void>();
  readonly #clock: Clock;

  constructor(clock: Clock, models: readonly string[] = ['llama', 'qwen']) {
    this.#clock = clock;
    this.store = openMemoryStore({ clock });
    const watch = (listener: (note: JobNote) => void) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    };
    this.store.watch = watch;
    this.desk = {
      wallMs: () => this.store.nowMs(),
      model: (name: string) => {
        if (!models.includes(name)) throw new PilotlightError('model_not_found', `no model "${name}"`);
        return { name } as DeskModel;
      },
      jobs: this.#jobDesk(),
    } as unknown as Desk;
  }

  /** Jobs of a group, by index. */
  members(group: string): Job[] {
    const found = [...this.jobs.values()].filter((job) => job.group?.id === group);
    return found.sort((a, b) => a.group!.index - b.group!.index);
  }

  /** Ends a job, with an answer where one is given. */
  end(
    id: string,
    state: JobState,
    answer: { readonly status: number; readonly body: string } | null = null,
  ): void {
    const job = this.jobs.get(id)!;
    if (isEnded(job.state)) return;
    const body = { at: 'store', bytes: answer?.body.length ?? 0 } as const;
    const result =
      answer === null ? null : { status: answer.status, contentType: 'application/json', headers: {}, body };
    if (answer !== null) this.outputs.set(id, Buffer.from(answer.body));
    const error =
      state === 'failed'
        ? { code: 'backend_error', message: 'failed', status: answer?.status ?? null }
        : null;
    this.#write({ ...job, state, result, error, endedAtMs: this.#clock.wallMs() });
  }

  /** Expires all whose time is over, as the sweeper does. */
  sweep(): void {
    for (const job of this.jobs.values()) {
      const { endByMs } = job.limits;
      if (!isEnded(job.state) && endByMs !== null && endByMs <= this.store.nowMs())
        this.end(job.id, 'expired');
    }
  }

  #write(job: Job): void {
    this.jobs.set(job.id, job);
    const note = { id: job.id, model: job.model, group: job.group?.id ?? null, state: job.state } as JobNote;
    for (const listener of this.#listeners) listener(note);
  }

  #jobDesk(): JobDesk {
    const jobs: Partial<JobDesk> = {
      createMany: async (orders) => {
        for (const order of orders) this.#create(order);
      },
      counts: async (of) => {
        const counts: Partial<Record<JobState, number>> = {};
        for (const { state } of this.members('group' in of ? of.group : ''))
          counts[state] = (counts[state] ?? 0) + 1;
        return counts;
      },
      cancelGroup: async (group) => {
        for (const { id } of this.members(group)) this.end(id, 'canceled');
      },
      groupMembers: async (group, from, limit) =>
        this.members(group)
          .filter((job) => job.group!.index >= from)
          .slice(0, limit),
      remove: async (id) => this.jobs.delete(id),
      read: (job, part) => this.#read(job, part),
      documents: this.store.documents,
      blobs: this.blobs,
    };
    return jobs as JobDesk;
  }

  async *#read(job: Job, part: 'input' | 'output'): AsyncGenerator<Buffer> {
    const bytes = part === 'output' ? this.outputs.get(job.id) : undefined;
    if (bytes !== undefined) yield bytes;
  }

  #create(order: JobOrder): void {
    const id = order.id!;
    this.made.set(id, (this.made.get(id) ?? 0) + 1);
    if (this.jobs.has(id)) return;
    const { endInMs, ...limits } = order.limits;
    this.#write({
      id,
      state: 'queued',
      model: order.model,
      group: order.group,
      meta: order.meta,
      limits: { ...limits, endByMs: endInMs == null ? null : this.store.nowMs() + endInMs },
      result: null,
      error: null,
      endedAtMs: null,
    } as unknown as Job);
  }
}
