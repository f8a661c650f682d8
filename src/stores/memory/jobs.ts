import { type Job, type JobEvent, keptEvents } from '../../core/job.ts';
import { hasBytes, noteOf, noteOfRemoved } from '../../core/job-note.ts';
import type { CommitOutcome, JobChange, JobNote, JobPage, JobQuery } from '../../core/job-store.ts';
import { cursorOf, readCursor } from '../../core/page-cursor.ts';
import { JobLists } from './job-lists.ts';
import type { Outbox } from './outbox.ts';

interface Entry {
  job: Job;
  input: Buffer | null;
  output: Buffer | null;
  readonly events: JobEvent[];
}

/** Jobs with their bytes and events. */
export class Jobs {
  readonly lists = new JobLists();
  readonly #entries = new Map<string, Entry>();
  readonly #outbox: Outbox;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  get(id: string): Job | null {
    return this.#entries.get(id)?.job ?? null;
  }

  body(id: string, part: 'input' | 'output'): Buffer | null {
    return this.#entries.get(id)?.[part] ?? null;
  }

  events(id: string, afterSeq: number, limit: number): JobEvent[] {
    const events = this.#entries.get(id)?.events ?? [];
    const from = Math.max(0, afterSeq + 1 - (events[0]?.seq ?? 0));
    return events.slice(from, from + limit);
  }

  list({ tenant, surface, model, states, before, limit }: JobQuery): JobPage {
    const end = before === undefined ? undefined : readCursor(before);
    if (end === null) return { jobs: [], next: null };
    const jobs: Job[] = [];
    for (const { id } of this.lists.ofTenant(tenant, end && { at: end.createdAtMs, id: end.id })) {
      const job = this.get(id)!;
      if (surface !== undefined && job.surface !== surface) continue;
      if (model !== undefined && job.model !== model) continue;
      if (states && !states.includes(job.state)) continue;
      if (jobs.length === limit) return { jobs, next: cursorOf(jobs.at(-1)!) };
      jobs.push(job);
    }
    return { jobs, next: null };
  }

  /** `tell` is called when the change was made. */
  apply(change: JobChange, tell: (note: JobNote) => void): CommitOutcome {
    const { id, expected, next } = change;
    const entry = this.#entries.get(id);
    if ((entry?.job.version ?? 0) !== expected) return { kind: 'conflict', job: entry?.job ?? null };
    if (!entry && next?.idempotencyKey != null) {
      const other = this.lists.idOfKey(next.idempotencyKey);
      if (other !== undefined) return { kind: 'conflict', job: this.get(other) };
    }
    if (entry) this.lists.delete(entry.job);
    if (next) {
      this.#write(entry, change, next);
      tell(noteOf(next));
    } else if (entry) {
      this.#entries.delete(id);
      this.#outbox.deleteOfJob(id);
      tell(noteOfRemoved(entry.job));
    }
    return { kind: 'done' };
  }

  #write(last: Entry | undefined, change: JobChange, next: Job): void {
    const entry: Entry = last ?? { job: next, input: null, output: null, events: [] };
    entry.job = next;
    entry.input = hasBytes(next, 'input') ? ownBytes(change.input, entry.input) : null;
    entry.output = hasBytes(next, 'output') ? ownBytes(change.output, entry.output) : null;
    entry.events.push(...(change.events ?? []));
    if (entry.events.length > keptEvents) entry.events.splice(0, entry.events.length - keptEvents);
    this.#entries.set(next.id, entry);
    this.lists.add(next);
    for (const delivery of change.deliveries ?? []) this.#outbox.add(delivery);
  }
}

/** A copy: what is handed in may be a piece of something larger, or be written to again. */
function ownBytes(given: Buffer | undefined, last: Buffer | null): Buffer | null {
  return given ? Buffer.from(given) : last;
}
