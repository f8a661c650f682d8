import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import { askLive } from '../support/live-request.ts';
import { fixedModel, processModel } from '../support/world.ts';
import { PumpRigs } from './pump-rig.ts';

const rigs = new PumpRigs();
afterEach(() => rigs.close());

const json =
  (body: string, status = 200) =>
  (res: ServerResponse) =>
    void res.writeHead(status, { 'content-type': 'application/json', 'x-a': '1' }).end(body);

describe('a job', () => {
  it('runs at its model as a request would, and its answer is kept', async () => {
    const backend = await rigs.backend(json('{"ok":true}'));
    const rig = await rigs.open(fixedModel([backend.url]));
    const job = await rig.ended(await rig.create());
    expect(job).toMatchObject({ state: 'succeeded', attempts: 1, lease: null, error: null });
    expect(job.result).toMatchObject({
      status: 200,
      contentType: 'application/json',
      headers: { 'x-a': '1' },
    });
    expect(await rig.output(job)).toBe('{"ok":true}');
    expect(backend.seen).toHaveLength(1);
    expect(backend.seen[0]!.headers['x-request-id']).toBe(job.id);
    expect(JSON.parse(backend.seen[0]!.body)).toMatchObject({ model: 'm', messages: [] });
    expect(rig.faults).toEqual([]);
  });

  it('wakes its model, and one of rank low does not: it rides along when the model is up', async () => {
    const rig = await rigs.open(processModel(50));
    const low = await rig.create({ priority: 'low' });
    const entry = rig.path.roster.find('m')!;
    // Looked at more than once meanwhile: nothing asks for the model.
    await rig.pump.ended();
    const pause = Promise.withResolvers<void>();
    setTimeout(() => pause.resolve(), 600);
    await pause.promise;
    expect([entry.wakeInfo().state, (await rig.store.get(low.id))!.state]).toEqual(['cold', 'queued']);
    const normal = await rig.create();
    expect((await rig.ended(normal)).state).toBe('succeeded');
    expect((await rig.ended(low)).state).toBe('succeeded');
  });

  it('that fails for good is failed with what the backend said, which is kept as its result', async () => {
    const backend = await rigs.backend(json('{"error":{"message":"no such voice"}}', 400));
    const rig = await rigs.open(fixedModel([backend.url]));
    const job = await rig.ended(await rig.create());
    expect(job).toMatchObject({ state: 'failed', attempts: 1, result: { status: 400 } });
    expect(job.error).toEqual({
      code: 'backend_error',
      message: 'the backend answered 400: no such voice',
      status: 400,
    });
    expect(await rig.output(job)).toContain('no such voice');
  });

  it('whose backend is busy is tried again, as often as it may be', async () => {
    let asked = 0;
    const backend = await rigs.backend((res) => json('{}', ++asked < 2 ? 503 : 200)(res));
    const rig = await rigs.open(fixedModel([backend.url]));
    const first = await rig.create({ limits: { maxAttempts: 1 } });
    expect(await rig.ended(first)).toMatchObject({ state: 'failed', attempts: 1, error: { status: 503 } });
    asked = 0;
    const second = await rig.create({ limits: { maxAttempts: 2 } });
    await expect
      .poll(async () => (await rig.store.get(second.id))!.notBeforeMs, { timeout: 5_000 })
      .not.toBeNull();
    expect(await rig.store.get(second.id)).toMatchObject({ state: 'queued', attempts: 1, lease: null });
  });

  it('under which its backend dies twice is not sent a third time', async () => {
    const backend = await rigs.backend((res) => res.destroy());
    const rig = await rigs.open(fixedModel([backend.url], 'queue: { timeout: 20s }'), { attempts: 10 });
    const job = await rig.create();
    await expect.poll(async () => (await rig.store.get(job.id))!.deaths, { timeout: 5_000 }).toBe(1);
    const readied = await rig.store.get(job.id);
    await expect.poll(() => rig.store.nowMs() > (readied!.notBeforeMs ?? 0), { timeout: 5_000 }).toBe(true);
    await rig.book.look([job.id], () => false);
    expect(await rig.ended(job)).toMatchObject({
      state: 'failed',
      deaths: 2,
      error: { code: 'backend_died' },
    });
    expect(backend.seen).toHaveLength(2);
  });

  it('that runs longer than it may is timed out, and its backend is aborted', async () => {
    const closed: boolean[] = [];
    const backend = await rigs.backend((res) => res.on('close', () => closed.push(res.writableFinished)));
    const rig = await rigs.open(fixedModel([backend.url]));
    const job = await rig.ended(await rig.create({ limits: { runMs: 100 } }));
    expect(job).toMatchObject({ state: 'timed_out', error: { code: 'job_expired' } });
    await expect.poll(() => closed).toEqual([false]);
  });

  it('that is canceled is aborted at its backend, and its slot is free', async () => {
    const closed: boolean[] = [];
    const backend = await rigs.backend((res) => res.on('close', () => closed.push(res.writableFinished)));
    const rig = await rigs.open(fixedModel([backend.url]));
    const job = await rig.create();
    await expect.poll(() => backend.seen.length).toBe(1);
    await rig.book.cancel((await rig.store.get(job.id))!);
    expect(await rig.ended(job)).toMatchObject({ state: 'canceled', result: null, error: null });
    await expect.poll(() => closed).toEqual([false]);
    expect(rig.path.roster.find('m')!.gate.inFlight).toBe(0);
  });

  it('that is canceled while it is being claimed does not reach its backend, or is aborted there', async () => {
    const backend = await rigs.backend(() => undefined);
    const rig = await rigs.open(fixedModel([backend.url], 'concurrency: 20'));
    const jobs = await Promise.all(Array.from({ length: 20 }, () => rig.create()));
    for (const { id } of jobs) await rig.book.cancel((await rig.store.get(id))!);
    for (const job of jobs) expect((await rig.ended(job)).state).toBe('canceled');
    await expect.poll(() => rig.path.roster.find('m')!.gate.inFlight).toBe(0);
  });

  it('whose input is nothing for the contract of its model fails without being sent', async () => {
    const backend = await rigs.backend(answerJson);
    const rig = await rigs.open(fixedModel([backend.url]));
    const job = await rig.ended(await rig.create({ invocation: { path: null, content: { input: 'text' } } }));
    expect(job).toMatchObject({ state: 'failed', error: { code: 'invalid_body' } });
    expect(backend.seen).toHaveLength(0);
  });

  it('whose answer is larger than may be kept fails', async () => {
    const backend = await rigs.backend((res) => res.writeHead(200).end(Buffer.alloc(100_000)));
    const rig = await rigs.open(fixedModel([backend.url]), { maxOutputBytes: 50_000 });
    const job = await rig.ended(await rig.create());
    expect(job).toMatchObject({ state: 'failed', error: { code: 'body_too_large' } });
  });

  it('with a large answer has it in a blob', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(300_000) });
    const backend = await rigs.backend(json(body));
    const rig = await rigs.open(fixedModel([backend.url]));
    const job = await rig.ended(await rig.create());
    expect(job.result?.body).toMatchObject({ at: 'blob', bytes: body.length });
    expect(await rig.output(job)).toBe(body);
  });
});

describe('a job that streams', () => {
  it('tells its pieces as events while it runs, each once and in order, and keeps the whole', async () => {
    const go = Promise.withResolvers<void>();
    const backend = await rigs.backend(async (res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: {"n":0}\n\n');
      await go.promise;
      for (let n = 1; n < 2_000; n++) res.write(`data: {"n":${n}}\n\n`);
      res.end('data: [DONE]\n\n');
    });
    const rig = await rigs.open(fixedModel([backend.url]));
    const job = await rig.create({ invocation: { isStream: true } });
    await expect.poll(async () => (await rig.store.get(job.id))!.state, { timeout: 5_000 }).toBe('streaming');
    const events = async (after: number) => await rig.store.events(job.id, after, 5_000);
    expect((await events(0)).map(({ type, data }) => `${type} ${data}`)).toEqual([
      'state running',
      'state streaming',
      'output {"n":0}',
    ]);
    go.resolve();
    const done = await rig.ended(job);
    expect(done).toMatchObject({ state: 'succeeded', lastSeq: 2_004 });
    const last = await events(done.lastSeq - 3);
    expect(last.map(({ type, data }) => `${type} ${data}`)).toEqual([
      'output {"n":1999}',
      'output [DONE]',
      'state succeeded',
    ]);
    expect((await rig.output(done)).match(/data:/g)).toHaveLength(2_001);
  });

  it('whose backend dies in the middle tells that its pieces are void', async () => {
    const backend = await rigs.backend((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: 1\n\n', () => setTimeout(() => res.destroy(), 150));
    });
    const rig = await rigs.open(fixedModel([backend.url]));
    const job = await rig.create({ invocation: { isStream: true } });
    await expect.poll(async () => (await rig.store.get(job.id))!.deaths, { timeout: 5_000 }).toBe(1);
    const events = await rig.store.events(job.id, 0, 100);
    expect(events.map(({ type, data }) => `${type} ${data}`)).toEqual([
      'state running',
      'state streaming',
      'output 1',
      'reset ',
      'state queued',
    ]);
  });
});

describe('many jobs', () => {
  it('never exceed the slots, of which none stays empty, and each runs once', async () => {
    const backend = await rigs.backend((res) => setTimeout(() => json('{}')(res), 5));
    const rig = await rigs.open(fixedModel([backend.url], 'concurrency: 4'));
    await rig.createMany(300);
    await expect
      .poll(async () => (await rig.store.counts({ model: 'm' })).succeeded, { timeout: 20_000 })
      .toBe(300);
    expect(backend.peak()).toBe(4);
    expect(backend.seen).toHaveLength(300);
    expect(new Set(backend.seen.map(({ headers }) => headers['x-request-id'])).size).toBe(300);
    await expect.poll(() => rig.path.roster.find('m')!.gate.idleSinceMs).not.toBeNull();
    expect(rig.faults).toEqual([]);
  });

  it('leave the slots to live requests: those wait behind what runs, not behind what is queued', async () => {
    const held: ServerResponse[] = [];
    const order: string[] = [];
    const backend = await rigs.backend((res, req) => {
      order.push(String(req.headers['x-kind'] ?? 'job'));
      held.push(res);
    });
    const rig = await rigs.open(fixedModel([backend.url], 'concurrency: 1'));
    await rig.createMany(3);
    await expect.poll(() => held.length).toBe(1);
    const live = askLive(rig.path, { 'x-kind': 'live' });
    await expect.poll(() => rig.path.roster.find('m')!.gate.waiting).toBe(1);
    for (let n = 0; n < 4; n++) {
      await expect.poll(() => held.length, { timeout: 5_000 }).toBe(n + 1);
      json('{}')(held[n]!);
    }
    await live;
    expect(order).toEqual(['job', 'live', 'job', 'job']);
  });

  it('of a model without limit run a hundred at once', async () => {
    const held: ServerResponse[] = [];
    const backend = await rigs.backend((res) => held.push(res));
    const rig = await rigs.open(fixedModel([backend.url], 'concurrency: 0'));
    await rig.createMany(150);
    await expect.poll(() => held.length, { timeout: 5_000 }).toBe(100);
    expect((await rig.store.counts({ model: 'm' })).queued).toBe(50);
    for (const res of held.splice(0)) json('{}')(res);
    await expect.poll(() => held.length, { timeout: 5_000 }).toBe(50);
  });
});

describe('a pump that stops', () => {
  it('claims no more, and waits for what runs and for its last write', async () => {
    const held: ServerResponse[] = [];
    const backend = await rigs.backend((res) => held.push(res));
    const rig = await rigs.open(fixedModel([backend.url], 'concurrency: 1'));
    await rig.createMany(2);
    await expect.poll(() => held.length).toBe(1);
    rig.pump.stop();
    const ended = rig.pump.ended();
    expect(rig.path.roster.find('m')!.gate.backlog).toBe(0);
    json('{}')(held[0]!);
    await ended;
    expect(await rig.store.counts({ model: 'm' })).toEqual({ succeeded: 1, queued: 1 });
    expect(held).toHaveLength(1);
  });

  it('has what a drain cuts run again, or fail where it may not', async () => {
    const backend = await rigs.backend(() => undefined);
    const rig = await rigs.open(fixedModel([backend.url]));
    const again = await rig.create();
    const once = await rig.create({ limits: { maxAttempts: 1 } });
    await expect.poll(() => backend.seen.length).toBe(2);
    rig.pump.stop();
    expect(await rig.path.pipeline.drain(20)).toBe(2);
    await rig.pump.close();
    expect(await rig.store.get(again.id)).toMatchObject({ state: 'queued', attempts: 1, lease: null });
    expect(await rig.store.get(once.id)).toMatchObject({
      state: 'failed',
      error: { code: 'job_interrupted' },
    });
  });

  it('leaves what it aborts to whoever finds its lease run out', async () => {
    const backend = await rigs.backend(() => undefined);
    const rig = await rigs.open(fixedModel([backend.url]));
    const job = await rig.create();
    await expect.poll(() => backend.seen.length).toBe(1);
    await rig.pump.close();
    expect(await rig.store.get(job.id)).toMatchObject({ state: 'running', attempts: 1 });
    await rig.book.look([job.id], () => true);
    expect(await rig.store.get(job.id)).toMatchObject({ state: 'queued', attempts: 1 });
  });
});
