import { describe, expect, it, vi } from 'vitest';
import { type Job, type JobEvent, keptEvents } from '../../src/core/job.ts';
import type { JobBook } from '../../src/jobs/book.ts';
import type { NewEvent } from '../../src/jobs/step.ts';
import { bookRig, callerOf, order, sent } from './book-rig.ts';

const outputs = (...data: readonly string[]): NewEvent[] => data.map((it) => ({ type: 'output', data: it }));

async function claimOne(book: JobBook): Promise<Job> {
  const [job] = await book.claim('llama', 2, 1);
  return job!;
}

async function succeed(book: JobBook, job: Job, text = 'done'): Promise<Job | null> {
  const kept = await book.keepOutput(job, sent(text), new AbortController().signal);
  const answer = { status: 200, contentType: 'text/plain', headers: {}, kept };
  return await book.finish(job, { kind: 'succeeded', answer });
}

describe('the desk of jobs', () => {
  it('gives one job to a client that asks twice with one key, and refuses another request with it', async () => {
    const { desk, app, files, store } = bookRig({ inlineBytes: 1 });
    const keyed = { ...order, idempotencyKey: 'k' };
    const tries = await Promise.all([
      desk.create(keyed, app),
      desk.create(keyed, app),
      desk.create(keyed, app),
    ]);
    expect(tries.map(({ isNew }) => isNew).toSorted()).toEqual([false, false, true]);
    expect(new Set(tries.map(({ job }) => job.id)).size).toBe(1);
    const other = { ...keyed, invocation: { ...order.invocation, path: '/v1/completions' } };
    await expect(desk.create(other, app)).rejects.toMatchObject({ code: 'idempotency_conflict' });
    expect(files()).toBe(1);
    for (const free of [
      desk.create({ ...other, surface: 'runpod' }, app),
      desk.create(other, callerOf('another').caller),
    ])
      expect((await free).isNew).toBe(true);
    expect(await store.counts({ model: 'llama' })).toEqual({ queued: 3 });
  });

  it('gives one job to a client that asks twice with one id, and none to another client', async () => {
    const { desk, app } = bookRig();
    const named = { ...order, id: 'mine' };
    expect(await desk.create(named, app)).toMatchObject({ isNew: true, job: { id: 'mine', tenant: 'app' } });
    expect(await desk.create(named, app)).toMatchObject({ isNew: false, job: { id: 'mine' } });
    const { caller } = callerOf('another');
    await expect(desk.create(named, caller)).rejects.toMatchObject({ code: 'idempotency_conflict' });
    expect(await desk.get('mine', caller)).toBe(null);
    expect(await desk.cancel('mine', caller)).toBe(null);
    expect(await desk.retry('mine', caller)).toBe(null);
    expect(await desk.remove('mine', caller)).toBe(false);
    expect(await desk.wait('mine', 1_000, caller)).toBe(null);
    expect(await desk.list({ limit: 10 }, caller)).toEqual({ jobs: [], next: null });
    expect((await desk.get('mine', app))?.state).toBe('queued');
  });

  it('takes what is left out of the bounds from the configuration', async () => {
    const { desk, app, store } = bookRig({ beginWithinMs: 5_000, endWithinMs: 0, attempts: 7 });
    const { job } = await desk.create({ ...order, limits: { endInMs: 9_000, runMs: 3_000 } }, app);
    const nowMs = store.nowMs();
    const bounds = { beginByMs: nowMs + 5_000, endByMs: nowMs + 9_000, runMs: 3_000, maxAttempts: 7 };
    expect(job.limits).toMatchObject({ ...bounds, forceAtMs: null });
  });

  it('refuses jobs beyond the bound of their model, and takes them again when there is room', async () => {
    const { desk, book, app, clock } = bookRig({ maxQueued: 2 });
    await desk.create(order, app);
    await desk.create({ ...order, model: 'other' }, app);
    await desk.create(order, app);
    await expect(desk.create(order, app)).rejects.toMatchObject({ code: 'queue_full' });
    await expect(desk.createMany([order], app)).rejects.toMatchObject({ code: 'queue_full' });
    await claimOne(book);
    await clock.advance(1_000);
    await desk.create(order, app);
    await expect(desk.create(order, app)).rejects.toThrow('has 2 of 2 jobs queued');
  });

  it('refuses a webhook that goes nowhere it may go', async () => {
    const { desk, app } = bookRig();
    const webhook = { url: 'http://a.example', events: [] };
    await expect(desk.create({ ...order, webhook }, app)).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('waits for the end of a job, and no longer than it was told to', async () => {
    const { desk, book, app, clock, store } = bookRig();
    await desk.create({ ...order, id: 'j' }, app);
    expect((await desk.wait('j', 0, app))?.state).toBe('queued');
    const short = desk.wait('j', 1_000, app);
    await clock.advance(1_000);
    expect((await short)?.state).toBe('queued');
    const asked = vi.spyOn(store, 'get');
    const long = desk.wait('j', 60_000, app);
    const job = await claimOne(book);
    const streaming = await book.append(job, outputs('a', 'b'));
    await clock.advance(30_000);
    const before = asked.mock.calls.length;
    await succeed(book, streaming!);
    expect((await long)?.state).toBe('succeeded');
    expect(before).toBe(2);
    expect((await desk.wait('j', 60_000, app))?.state).toBe('succeeded');
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends the wait of a client that leaves, not the job', async () => {
    const { desk, clock } = bookRig();
    const { caller, leave } = callerOf('app');
    await desk.create({ ...order, id: 'j' }, caller);
    const wait = desk.wait('j', 60_000, caller);
    await clock.settle();
    leave();
    expect((await wait)?.state).toBe('queued');
    expect(clock.pendingTimers).toBe(0);
  });

  it('tells the events of a job as they come, each once, to its end, whenever one begins to follow', async () => {
    const { desk, book, app, clock } = bookRig();
    await desk.create({ ...order, id: 'j' }, app);
    const heard: JobEvent[][] = [];
    const follow = async (afterSeq: number) => {
      const mine: JobEvent[] = [];
      heard.push(mine);
      for await (const event of desk.follow('j', afterSeq, app)) mine.push(event);
    };
    const first = follow(0);
    await clock.settle();
    let job: Job | null = await claimOne(book);
    for (let n = 0; n < 300; n++) job = await book.append(job!, outputs(`${n}`, `${n}'`));
    const second = follow(400);
    await clock.settle();
    await succeed(book, job!);
    const third = follow(0);
    await Promise.all([first, second, third]);
    const all = Array.from({ length: 603 }, (_, at) => at + 1);
    expect(heard.map((events) => events.map(({ seq }) => seq))).toEqual([all, all.slice(400), all]);
    expect(heard[0]!.at(-1)).toMatchObject({ type: 'state', data: 'succeeded' });
    expect(
      heard[0]!
        .filter(({ type }) => type === 'output')
        .slice(0, 3)
        .map(({ data }) => data),
    ).toEqual(['0', "0'", '1']);
  });

  it('says that events are not kept any more instead of leaving them out', async () => {
    const { desk, book, app } = bookRig();
    await desk.create({ ...order, id: 'j' }, app);
    const job = await claimOne(book);
    await book.append(job, outputs(...Array.from({ length: keptEvents + 1 }, () => 'a')));
    const events = desk.follow('j', 0, app)[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toMatchObject({ code: 'events_gone' });
    await expect(desk.follow('none', 0, app)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'job_not_found',
    });
  });

  it('ends the following of a client that leaves, and of a job that is removed', async () => {
    const { desk, app, clock } = bookRig();
    const { caller, leave } = callerOf('app');
    await desk.create({ ...order, id: 'j' }, app);
    const leaving = desk.follow('j', 0, caller)[Symbol.asyncIterator]().next();
    await clock.settle();
    leave();
    expect(await leaving).toMatchObject({ done: true });
    await desk.cancel('j', app);
    const ended = desk.follow('j', 1, app)[Symbol.asyncIterator]().next();
    await desk.remove('j', app);
    expect(await ended).toMatchObject({ done: true });
  });

  it('cancels in every state: at once, by whoever runs it, or not at all where it has ended', async () => {
    const { desk, book, app, store } = bookRig();
    const notes: boolean[] = [];
    for (const id of ['queued', 'a', 'b']) await desk.create({ ...order, id }, app);
    expect(await desk.cancel('queued', app)).toMatchObject({ state: 'canceled', error: null });
    const [running, ended] = await book.claim('llama', 2, 2);
    await succeed(book, ended!);
    store.watch(({ isCancelRequested }) => notes.push(isCancelRequested));
    expect(await desk.cancel('a', app)).toMatchObject({ state: 'running', isCancelRequested: true });
    expect(notes).toEqual([true]);
    expect(await desk.cancel('a', app)).toMatchObject({ state: 'running' });
    expect(await desk.cancel('b', app)).toMatchObject({ state: 'succeeded' });
    expect(await book.finish(running!, { kind: 'canceled' })).toMatchObject({ state: 'canceled' });
  });

  it('purges what is queued of a surface and a model, of one tenant', async () => {
    const { desk, book, app, store } = bookRig();
    await desk.createMany(
      Array.from({ length: 600 }, () => order),
      app,
    );
    await desk.create({ ...order, surface: 'runpod' }, app);
    await desk.create(order, callerOf('another').caller);
    await book.claim('llama', 2, 1);
    expect(await desk.purge({ surface: 'jobs', model: 'llama' }, app)).toBe(599);
    expect(await store.counts({ model: 'llama' })).toEqual({ queued: 2, running: 1, canceled: 599 });
  });

  it('takes the rows of a batch, those that are there already included, and cancels what is left of them', async () => {
    const { desk, book, app } = bookRig();
    const rows = Array.from({ length: 600 }, (_, index) => ({
      ...{ ...order, id: `row-${index}` },
      group: { id: 'batch', index },
    }));
    await desk.createMany(rows.slice(0, 300), app);
    const [running, ended] = await book.claim('llama', 2, 2);
    await succeed(book, ended!);
    await desk.createMany(rows, app);
    expect(await desk.counts({ group: 'batch' })).toEqual({ queued: 598, running: 1, succeeded: 1 });
    await desk.cancelGroup('batch');
    expect(await desk.counts({ group: 'batch' })).toEqual({ canceled: 598, running: 1, succeeded: 1 });
    expect((await desk.get(running!.id, app))?.isCancelRequested).toBe(true);
    const changed = { ...rows[0]!, model: 'other' };
    await expect(desk.createMany([changed], app)).rejects.toMatchObject({ code: 'idempotency_conflict' });
  });

  it('tells a tenant the secret of its webhooks, and the same one each time', async () => {
    const { desk, app } = bookRig();
    const secret = await desk.webhookSecret(app);
    expect(secret).toMatch(/^whsec_/);
    expect(await desk.webhookSecret(app)).toBe(secret);
  });
});
