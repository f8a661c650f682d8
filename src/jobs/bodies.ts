import { type BlobOwner, type BlobStore, blobOwnerKind } from '../core/blobs.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Job, StoredBody } from '../core/job.ts';
import type { JobStore } from '../core/job-store.ts';
import { readWhole } from '../protocols/read-whole.ts';

/** Bytes that are kept for a job, before its record says so. */
export interface KeptBody {
  readonly body: StoredBody;
  /** What goes into the store with the record; null: they lie in a blob. */
  readonly bytes: Buffer | null;
}

/** Where bodies are kept, and from which size on in a blob. */
export interface BodiesOptions {
  readonly store: JobStore;
  readonly blobs: BlobStore;
  readonly inlineBytes: number;
  readonly maxOutputBytes: number;
}

/** Whose bytes they are. */
export interface BodyOwner {
  readonly job: string;
  readonly tenant: string;
}

/** Inputs and outputs of jobs: in the store where they are few, else in a blob. Rejects with store_full, store_unavailable. */
export class Bodies {
  readonly #options: BodiesOptions;

  constructor(options: BodiesOptions) {
    this.#options = options;
  }

  /** Keeps an input. */
  async keep(bytes: Buffer, owner: BodyOwner, signal: AbortSignal): Promise<KeptBody> {
    if (bytes.length <= this.#options.inlineBytes) return inline(bytes);
    return await this.#write(chunksOf(bytes), { owner, maxBytes: bytes.length, signal });
  }

  /** Keeps an output as it comes, at most `jobs.maxOutput` of it: rejects with body_too_large beyond that. */
  async keepStream(source: AsyncIterable<Buffer>, owner: BodyOwner, signal: AbortSignal): Promise<KeptBody> {
    const { inlineBytes, maxOutputBytes } = this.#options;
    const chunks = source[Symbol.asyncIterator]();
    const first: Buffer[] = [];
    let bytes = 0;
    let isWhole = false;
    try {
      while (!isWhole && bytes <= inlineBytes) {
        const { done = false, value } = await chunks.next();
        isWhole = done;
        if (!done) bytes += first.push(value) && value.length;
      }
      if (isWhole && bytes <= maxOutputBytes) return inline(Buffer.concat(first));
      return await this.#write(joined(first, chunks), { owner, maxBytes: maxOutputBytes, signal });
    } finally {
      await chunks.return?.();
    }
  }

  /** Bytes of a job, from the blob or from the store; none where there is no such part. */
  async *read(job: Job, part: 'input' | 'output'): AsyncIterable<Buffer> {
    const body = part === 'input' ? job.input.body : job.result?.body;
    if (body === undefined || body.bytes === 0) return;
    if (body.at === 'blob') return yield* this.#options.blobs.read(body.blob);
    const bytes = await this.#options.store.body(job.id, part);
    if (bytes !== null) yield bytes;
  }

  /** What was kept, whole. */
  async wholeOf({ body, bytes }: KeptBody): Promise<Buffer> {
    if (bytes !== null || body.at === 'store') return bytes ?? Buffer.alloc(0);
    return await readWhole(this.#options.blobs.read(body.blob));
  }

  /** As `read`, whole. */
  async whole(job: Job, part: 'input' | 'output'): Promise<Buffer> {
    return await readWhole(this.read(job, part));
  }

  /** Removes a blob that no record refers to any more. */
  async drop(body: StoredBody | undefined): Promise<void> {
    if (body?.at !== 'blob') return;
    const { blobs, store } = this.#options;
    await blobs.delete(body.blob);
    await store.documents.delete(blobOwnerKind, body.blob);
  }

  /** Removes blobs that a crash left without a record, and are older than `olderThanMs`; returns how many. */
  collect(olderThanMs: number): Promise<number> {
    return this.#options.blobs.collect((blob) => this.#isUsed(blob), olderThanMs);
  }

  async #isUsed(blob: string): Promise<boolean> {
    const { documents } = this.#options.store;
    const found = await documents.get(blobOwnerKind, blob);
    if (found === null) return false;
    const owner = found.data as BlobOwner;
    const isUsed =
      'job' in owner
        ? await this.#isUsedByJob(owner.job, blob)
        : (await documents.get(...owner.document)) !== null;
    if (!isUsed) await documents.delete(blobOwnerKind, blob);
    return isUsed;
  }

  async #isUsedByJob(id: string, blob: string): Promise<boolean> {
    const job = await this.#options.store.get(id);
    return [job?.input.body, job?.result?.body].some((body) => body?.at === 'blob' && body.blob === blob);
  }

  async #write(
    source: AsyncIterable<Buffer>,
    { owner, maxBytes, signal }: { owner: BodyOwner; maxBytes: number; signal: AbortSignal },
  ): Promise<KeptBody> {
    const { blobs, store } = this.#options;
    const { id, bytes } = await blobs.write(source, maxBytes, signal);
    const { job, tenant } = owner;
    const data = { job } satisfies BlobOwner;
    const times = { createdAtMs: store.nowMs(), expiresAtMs: null };
    const isNew = await store.documents.put({ kind: blobOwnerKind, id, tenant, ...times, data }, 0);
    if (!isNew) throw new PilotlightError('internal', `blob "${id}" was given out twice`);
    return { body: { at: 'blob', bytes, blob: id }, bytes: null };
  }
}

function inline(bytes: Buffer): KeptBody {
  return { body: { at: 'store', bytes: bytes.length }, bytes };
}

async function* chunksOf(bytes: Buffer): AsyncIterable<Buffer> {
  yield bytes;
}

async function* joined(first: readonly Buffer[], rest: AsyncIterator<Buffer>): AsyncIterable<Buffer> {
  yield* first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
