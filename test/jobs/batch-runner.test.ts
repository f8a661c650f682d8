import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Desk } from '../../src/core/desk.ts';
import { isEnded } from '../../src/core/job.ts';
import { openBatchKind } from '../../src/protocols/batch/batch-data.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { PlayedBatchDesk } from '../support/played-batch-desk.ts';
import { ask, createBatch, linesOf, look, putFile, rowsOf, startRunner, until } from './batch-rig.ts';

const answer = {
  status: 200,
  body: '{"object":"chat.completion","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}',
};

function jsonl(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

async function begun(rows: readonly object[], more: object = {}) {
  const clock = new ManualClock();
  const played = new PlayedBatchDesk(clock);
  await putFile(played, jsonl(rows));
  const { runner, faults } = startRunner(played, clock);
  const batch = await createBatch(played.desk, more);
  runner.poke();
  const becomes = (status: string) =>
    until(clock, async () => (await look(played.desk, batch.id)).status === status);
  return { clock, played, runner, faults, id: batch.id, becomes };
}

async function openBatches(played: PlayedBatchDesk): Promise<number> {
  return (await played.store.documents.list({ kind: openBatchKind, tenant: null, limit: 10 })).length;
}

describe('a batch', () => {
  it('goes from validating to completed, its rows in the output file in their order', async () => {
    const { clock, played, runner, id, becomes } = await begun(rowsOf(700));
    await becomes('in_progress');
    await until(clock, () => played.members(id).length === 700);
    for (const job of played.members(id).reverse()) played.end(job.id, 'succeeded', answer);
    await becomes('completed');
    const told = await look(played.desk, id);
    expect(told).toMatchObject({
      request_counts: { total: 700, completed: 700, failed: 0 },
      error_file_id: null,
      usage: { total_tokens: 2_100 },
      model: 'llama',
    });
    const lines = await linesOf(played, told.output_file_id);
    expect(lines.map((line) => line.custom_id)).toEqual(rowsOf(700).map((_, index) => `row-${index}`));
    await until(clock, async () => (await openBatches(played)) === 0);
    expect(played.jobs.size).toBe(0);
    expect([...played.made.values()].every((times) => times === 1)).toBe(true);
    await runner.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('is failed by faults of its file, and no row of it runs', async () => {
    const { played, runner, id, becomes } = await begun([...rowsOf(3), { custom_id: 'x' }]);
    await becomes('failed');
    expect(await look(played.desk, id)).toMatchObject({
      errors: { object: 'list', data: [{ code: 'missing_required_parameter', line: 4 }] },
      request_counts: { total: 0 },
      output_file_id: null,
    });
    expect(played.made.size).toBe(0);
    await runner.close();
  });

  it('tells of the rows so far, and has what failed in the error file', async () => {
    const { clock, played, runner, id, becomes } = await begun(rowsOf(4));
    await until(clock, () => played.members(id).length === 4);
    const [first, second, third, last] = played.members(id);
    played.end(first!.id, 'succeeded', answer);
    played.end(second!.id, 'failed', { status: 400, body: '{"error":{"message":"bad"}}' });
    played.end(third!.id, 'failed');
    expect((await look(played.desk, id)).request_counts).toEqual({ total: 4, completed: 1, failed: 2 });
    played.end(last!.id, 'succeeded', answer);
    await becomes('completed');
    const { output_file_id: output, error_file_id: errors } = await look(played.desk, id);
    expect((await linesOf(played, output)).map((line) => line.custom_id)).toEqual(['row-0', 'row-3']);
    expect(await linesOf(played, errors)).toMatchObject([
      {
        custom_id: 'row-1',
        response: { status_code: 400, body: { error: { message: 'bad' } } },
        error: null,
      },
      { custom_id: 'row-2', response: null, error: { code: 'backend_error' } },
    ]);
    await runner.close();
  });

  it('expires with its window, the rows that were not done in the error file', async () => {
    const { clock, played, runner, id, becomes } = await begun(rowsOf(3), { completion_window: '1h' });
    await until(clock, () => played.members(id).length === 3);
    played.end(played.members(id)[0]!.id, 'succeeded', answer);
    await clock.advance(3_600_000);
    played.sweep();
    await becomes('expired');
    const told = await look(played.desk, id);
    expect(told.request_counts).toEqual({ total: 3, completed: 1, failed: 2 });
    expect((await linesOf(played, told.error_file_id)).map(({ error }) => error?.code)).toEqual([
      'batch_expired',
      'batch_expired',
    ]);
    await runner.close();
  });

  it('that is cancelled has what was answered in its output file, and the rest in the other', async () => {
    const { clock, played, runner, id, becomes } = await begun(rowsOf(3));
    await until(clock, () => played.members(id).length === 3);
    played.end(played.members(id)[1]!.id, 'succeeded', answer);
    const cancelled = await ask(played.desk, 'POST', '/v1/batches/:id/cancel', { params: { id } });
    expect(cancelled.status).toBe('cancelling');
    runner.poke();
    await becomes('cancelled');
    const told = await look(played.desk, id);
    expect(told.request_counts).toEqual({ total: 3, completed: 1, failed: 2 });
    expect((await linesOf(played, told.output_file_id)).map((line) => line.custom_id)).toEqual(['row-1']);
    expect((await linesOf(played, told.error_file_id)).map(({ error }) => error?.code)).toEqual([
      'batch_cancelled',
      'batch_cancelled',
    ]);
    await expect(
      ask(played.desk, 'POST', '/v1/batches/:id/cancel', { params: { id } }),
    ).resolves.toMatchObject({
      status: 'cancelled',
    });
    await runner.close();
  });

  it('is the same one for the same idempotency key, and a conflict for another request', async () => {
    const clock = new ManualClock();
    const played = new PlayedBatchDesk(clock);
    await putFile(played, jsonl(rowsOf(1)));
    const key = { 'idempotency-key': 'mine' };
    const first = await createBatch(played.desk, {}, key);
    expect((await createBatch(played.desk, {}, key)).id).toBe(first.id);
    await expect(createBatch(played.desk, { completion_window: '1h' }, key)).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
  });

  it('is moved on by one gateway at a time, and by another when that one is not heard of', async () => {
    const clock = new ManualClock();
    const played = new PlayedBatchDesk(clock);
    await putFile(played, jsonl(rowsOf(600)));
    const { id } = await createBatch(played.desk);
    let isStuck = true;
    const jobs: Desk['jobs'] = {
      ...played.desk.jobs,
      createMany: (orders, caller) =>
        isStuck ? new Promise(() => undefined) : played.desk.jobs.createMany(orders, caller),
    };
    startRunner(played, clock, { desk: { ...played.desk, jobs }, owner: 'stuck', isShared: true });
    await until(clock, async () => (await look(played.desk, id)).status === 'in_progress');
    const other = startRunner(played, clock, { owner: 'other', isShared: true });
    await clock.advance(20_000);
    expect(played.made.size).toBe(0);
    await clock.advance(60_000);
    await until(clock, () => played.members(id).length === 600);
    isStuck = false;
    await other.runner.close();
  });
});

describe('several gateways on one store', () => {
  it('begin together and move a batch on once, without a fault', async () => {
    const clock = new ManualClock();
    const played = new PlayedBatchDesk(clock);
    await putFile(played, jsonl(rowsOf(600)));
    const { id } = await createBatch(played.desk);
    const gateways = ['one', 'two', 'three'].map((owner) =>
      startRunner(played, clock, { owner, isShared: true }),
    );
    await until(clock, () => played.members(id).length === 600);
    for (const job of played.members(id)) played.end(job.id, 'succeeded', answer);
    await until(clock, async () => (await openBatches(played)) === 0);
    const told = await look(played.desk, id);
    expect(told).toMatchObject({ status: 'completed', request_counts: { total: 600, completed: 600 } });
    expect(await linesOf(played, told.output_file_id)).toHaveLength(600);
    expect([...played.made.values()]).toEqual(Array.from({ length: 600 }, () => 1));
    for (const { runner, faults } of gateways) {
      await runner.close();
      expect(faults).toEqual([]);
    }
  });
});

describe('a batch whose gateway is killed', () => {
  /** Runs a batch of rows that end as soon as they are made. Each gateway dies at its n-th call of the store, but for the last. */
  async function survives(lives: readonly number[]): Promise<void> {
    const clock = new ManualClock();
    const played = new PlayedBatchDesk(clock);
    await putFile(played, jsonl(rowsOf(520)));
    const { id } = await createBatch(played.desk);
    for (const calls of [...lives, Number.POSITIVE_INFINITY]) {
      const life = mortal(played.desk, calls);
      const { runner } = startRunner(played, clock, { desk: life.desk });
      await until(clock, async () => {
        for (const job of played.jobs.values()) {
          if (isEnded(job.state)) continue;
          played.end(job.id, job.group!.index % 5 === 0 ? 'failed' : 'succeeded', answer);
        }
        return life.isDead() || (await openBatches(played)) === 0;
      });
      void runner.close();
    }
    const told = await look(played.desk, id);
    expect(told).toMatchObject({
      status: 'completed',
      request_counts: { total: 520, completed: 416, failed: 104 },
      usage: { total_tokens: 416 * 3 },
    });
    const output = await linesOf(played, told.output_file_id);
    const ids = [...output, ...(await linesOf(played, told.error_file_id))].map((line) => line.custom_id);
    expect(ids).toHaveLength(520);
    expect(new Set(ids).size).toBe(520);
    expect(played.jobs.size).toBe(0);
    expect([...played.made.values()]).toEqual(Array.from({ length: 520 }, () => 1));
    // The input and two outputs: what was half written is no file.
    expect(await played.store.documents.list({ kind: 'file', tenant: 'me', limit: 10 })).toHaveLength(3);
  }

  it('at any calls of the store, over and over, has no row missing or doubled', async () => {
    const lives = fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 30, max: 90 })), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(fc.asyncProperty(lives, survives), { numRuns: 60 });
  }, 60_000);

  it('at each call of the store in turn has no row missing or doubled', async () => {
    for (let calls = 1; calls <= 120; calls += 1) await survives([calls]);
  }, 60_000);
});

/** A desk whose calls never come back from the n-th on: the call itself is done or not, as a kill leaves it. */
function mortal(desk: Desk, calls: number): { readonly desk: Desk; readonly isDead: () => boolean } {
  let left = calls;
  const never = new Promise<never>(() => undefined);
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, name) {
        const value: unknown = Reflect.get(of, name);
        if (name === 'documents' || name === 'blobs') return wrap(value as object);
        if (typeof value !== 'function' || name === 'read') return value;
        return (...args: unknown[]) => {
          left -= 1;
          if (left < 0) return never;
          const done: unknown = value.apply(of, args);
          return left === 0 ? never : done;
        };
      },
    });
  return { desk: { ...desk, jobs: wrap(desk.jobs) }, isDead: () => left <= 0 };
}
