import { describe, expect, it, vi } from 'vitest';
import type { Job } from '../../src/core/job.ts';
import type { JobStore } from '../../src/core/job-store.ts';
import type { JobAnswer, JobBook, JobEnd } from '../../src/jobs/book.ts';
import { bookRig, order, sent } from './book-rig.ts';

const never = new AbortController().signal;
/** Files are as old as the machine's clock says, which is not the test's. */
const whateverAge = Number.NEGATIVE_INFINITY;
const piece = { type: 'output', data: 'a' } as const;

async function answerOf(book: JobBook, job: Job, ...pieces: readonly string[]): Promise<JobAnswer> {
  const kept = await book.keepOutput(job, sent(...pieces), never);
  return { status: 200, contentType: 'text/plain', headers: {}, kept };
}

async function succeeded(book: JobBook, job: Job, text: string): Promise<JobEnd> {
  return { kind: 'succeeded', answer: await answerOf(book, job, text) };
}

/** Claims the one job that there is. */
async function claimOne(book: JobBook): Promise<Job> {
  const [job] = await book.claim('llama', 2, 1);
  return job!;
}

describe('the book of jobs', () => {
  it('gives each job to one of two who claim at once, in the order of the queue', async () => {
    const { book, bookOf, desk, app } = bookRig();
    for (let n = 0; n < 10; n++) await desk.create({ ...order, id: `j${n}` }, app);
    await desk.create({ ...order, id: 'first', priority: 'high' }, app);
    const [ours, theirs] = await Promise.all([
      book.claim('llama', 2, 5),
      bookOf('other').claim('llama', 2, 5),
    ]);
    const ids = [...ours, ...theirs].map(({ id }) => id);
    expect(new Set(ids).size).toBe(10);
    expect(ids).toContain('first');
    expect(ids).not.toContain('j9');
    expect([...ours, ...theirs].every(({ state, attempts }) => state === 'running' && attempts === 1)).toBe(
      true,
    );
    expect(await book.claim('llama', 2, 5)).toMatchObject([{ id: 'j9' }]);
    expect(await book.claim('llama', 2, 5)).toEqual([]);
  });

  it('writes nothing for a worker that has lost its lease', async () => {
    const { store, book, bookOf, desk, app, clock, files } = bookRig({ inlineBytes: 4 });
    await desk.create(
      { ...order, id: 'j', invocation: { ...order.invocation, content: { body: Buffer.from('1') } } },
      app,
    );
    const late = await claimOne(book);
    await clock.advance(30_000);
    await book.look(['j'], () => false);
    const other = bookOf('other');
    const now = await claimOne(other);
    const answer = await answerOf(book, late, 'of the late one');
    expect(files()).toBe(1);
    const endings = [
      book.append(late, [piece]),
      book.giveBack(late, 0),
      book.finish(late, { kind: 'succeeded', answer }),
      book.finish(late, { kind: 'canceled' }),
    ];
    expect(await Promise.all(endings)).toEqual([null, null, null, null]);
    expect(await book.renew([late])).toEqual([null]);
    expect(await store.get('j')).toEqual(now);
    expect(files()).toBe(0);
    const done = await other.finish(now, await succeeded(other, now, 'of the other'));
    expect(done).toMatchObject({ state: 'succeeded', attempts: 2 });
    expect((await other.bodies.whole(done!, 'output')).toString()).toBe('of the other');
  });

  it('goes on from what others wrote meanwhile', async () => {
    const { book, desk, app } = bookRig();
    await desk.create({ ...order, id: 'j' }, app);
    const job = await claimOne(book);
    await desk.cancel('j', app);
    const appended = await book.append(job, [piece, piece]);
    expect(appended).toMatchObject({ state: 'streaming', isCancelRequested: true, lastSeq: 4 });
    expect(await book.renew([job, appended!])).toMatchObject([{ id: 'j' }, { id: 'j' }]);
    const failure = { code: 'backend_reset', message: 'aborted', status: null, retryAfterMs: null };
    const ended = await book.finish(job, { kind: 'failed', failure, answer: null });
    expect(ended?.state).toBe('canceled');
  });

  it('records a result once, also where it is not known whether the commit happened', async () => {
    let isCut = false;
    const { store, book, desk, app, files } = bookRig({ inlineBytes: 1 }, (memory: JobStore) => {
      const commit = memory.commit.bind(memory);
      vi.spyOn(memory, 'commit').mockImplementation(async (changes) => {
        const outcomes = await commit(changes);
        if (isCut) throw new Error('cut');
        return outcomes;
      });
      return memory;
    });
    await desk.create({ ...order, id: 'j' }, app);
    const job = await claimOne(book);
    const end = await succeeded(book, job, 'the answer');
    isCut = true;
    await expect(book.finish(job, end)).rejects.toThrow('cut');
    isCut = false;
    expect(await book.finish(job, end)).toBe(null);
    const there = await store.get('j');
    expect(there?.state).toBe('succeeded');
    expect((await book.bodies.whole(there!, 'output')).toString()).toBe('the answer');
    expect(files()).toBe(2);
  });

  it('gives the worker what its client asked for, small or large, as bytes or as input', async () => {
    const { book, desk, app, files } = bookRig({ inlineBytes: 100 });
    const large = Buffer.alloc(10_000, 'x');
    await desk.create(
      { ...order, id: 'b', invocation: { ...order.invocation, content: { body: large } } },
      app,
    );
    await desk.create(
      { ...order, id: 'i', invocation: { ...order.invocation, content: { input: [1] } } },
      app,
    );
    const jobs = await book.claim('llama', 2, 2);
    const invocations = await Promise.all(jobs.map((job) => book.invocation(job)));
    expect(invocations.map(({ id, content, method }) => ({ id, content, method }))).toEqual([
      { id: 'b', content: { body: large }, method: 'POST' },
      { id: 'i', content: { input: [1] }, method: 'POST' },
    ]);
    expect(files()).toBe(1);
  });

  it('keeps an answer in the store up to the bound, beyond it in a file, and no more than there may be', async () => {
    const { book, desk, app, files } = bookRig({ inlineBytes: 8, maxOutputBytes: 20 });
    await desk.create({ ...order, id: 'j' }, app);
    const job = await claimOne(book);
    expect((await answerOf(book, job, '1234', '5678')).kept.body).toEqual({ at: 'store', bytes: 8 });
    expect(files()).toBe(0);
    const { kept } = await answerOf(book, job, '1234', '56789', 'abc');
    expect(kept).toMatchObject({ body: { at: 'blob', bytes: 12 }, bytes: null });
    await expect(answerOf(book, job, '0123456789', '0123456789', '0')).rejects.toMatchObject({
      code: 'body_too_large',
    });
    expect(files()).toBe(1);
    await book.discard(kept);
    expect(files()).toBe(0);
  });

  it('takes away the answer of an attempt that is made again, and keeps that of the last one', async () => {
    const { store, book, desk, app, files } = bookRig({ inlineBytes: 7, attempts: 2 });
    await desk.create({ ...order, id: 'j' }, app);
    const failure = { code: 'backend_error', message: 'busy', status: 503, retryAfterMs: null };
    const end = async (job: Job): Promise<Job | null> =>
      book.finish(job, { kind: 'failed', failure, answer: await answerOf(book, job, 'come later') });
    const first = await end(await claimOne(book));
    expect(first).toMatchObject({ state: 'queued', result: null });
    expect(files()).toBe(0);
    expect(await claimOne(book)).toBe(undefined);
    await store.commit([
      {
        id: 'j',
        expected: first!.version,
        next: { ...first!, version: first!.version + 1, notBeforeMs: null },
      },
    ]);
    const last = await end(await claimOne(book));
    expect(last).toMatchObject({ state: 'failed', error: { code: 'backend_error', status: 503 } });
    expect((await book.bodies.whole(last!, 'output')).toString()).toBe('come later');
  });

  it('leaves nothing of a job that is removed, and no answer of the life before', async () => {
    const { store, book, desk, app, files } = bookRig({ inlineBytes: 1 });
    await desk.create({ ...order, id: 'j' }, app);
    const job = await claimOne(book);
    await book.finish(job, await succeeded(book, job, 'the answer'));
    expect(files()).toBe(2);
    await desk.retry('j', app);
    expect(files()).toBe(1);
    await expect(desk.remove('j', app)).rejects.toMatchObject({ code: 'job_conflict' });
    const once = await claimOne(book);
    await book.finish(once, await succeeded(book, once, 'the answer'));
    expect(await desk.remove('j', app)).toBe(true);
    expect(await desk.remove('j', app)).toBe(false);
    expect(files()).toBe(0);
    expect(await store.documents.list({ kind: 'blob-owner', tenant: null, limit: 10 })).toEqual([]);
  });

  it('collects blobs that a crash left without a record, and none that a record or a document refers to', async () => {
    const { store, blobs, book, desk, app, files } = bookRig({ inlineBytes: 1 });
    await desk.create({ ...order, id: 'j' }, app);
    const job = await claimOne(book);
    await answerOf(book, job, 'not recorded');
    await blobs.write(sent('without an owner'), 100, never);
    const owned = await blobs.write(sent('a file'), 100, never);
    const times = { createdAtMs: store.nowMs(), expiresAtMs: null };
    const rest = { tenant: 'app', ...times };
    await store.documents.put({ kind: 'file', id: 'f', ...rest, data: {} }, 0);
    const data = { document: ['file', 'f'] };
    await store.documents.put({ kind: 'blob-owner', id: owned.id, ...rest, data }, 0);
    expect(files()).toBe(4);
    expect(await book.bodies.collect(60_000)).toBe(0);
    expect(await book.bodies.collect(whateverAge)).toBe(2);
    expect(files()).toBe(2);
    expect((await book.bodies.whole(job, 'input')).toString()).toBe('{"a":1}');
    await store.documents.delete('file', 'f');
    expect(await book.bodies.collect(whateverAge)).toBe(1);
  });
});
