import { afterEach, describe, expect, it } from 'vitest';
import { repeats as rounds } from '../../drills/repeats.ts';
import { BatchLab } from './batch-lab.ts';

const rows = 400;

let lab: BatchLab;
afterEach(() => lab?.close());

/** What a gateway is killed in the middle of. */
const moments: readonly (readonly [string, (id: string) => Promise<unknown>])[] = [
  ['validating', async () => undefined],
  ['its rows being made', (id) => lab.until(id, ({ status }) => status === 'in_progress')],
  ['its first rows running', (id) => lab.until(id, (batch) => batch.request_counts!.completed > 0)],
  ['its rows running', (id) => lab.until(id, (batch) => batch.request_counts!.completed > rows / 2)],
  ['its files being written', (id) => lab.until(id, (batch) => batch.request_counts!.completed === rows)],
  ['its rows being removed', (id) => lab.until(id, ({ status }) => status === 'completed')],
];

describe('a gateway that is killed', () => {
  it.each(moments)(
    'in the middle of a batch (%s) goes on with it, and no row is missing or doubled',
    async (_name, moment) => {
      for (let round = 0; round < rounds; round += 1) {
        lab = await BatchLab.start({ answerMs: 5 });
        const { id } = await lab.begin(rows);
        await moment(id);
        await lab.killAndRestart();
        const batch = await lab.until(id, ({ status }) => status === 'completed');
        expect(batch.request_counts).toEqual({ total: rows, completed: rows, failed: 0 });
        expect(batch.usage?.total_tokens).toBe(2 * rows);
        expect(await lab.tally(batch, rows)).toEqual({ missing: 0, doubled: 0, wrong: 0 });
        const files = (await lab.client.files.list()).data;
        expect(files.map(({ purpose }) => purpose).sort()).toEqual(['batch', 'batch_output']);
        await lab.close();
      }
    },
    120_000,
  );

  it('while a batch is cancelled cancels it, and no row is missing or doubled', async () => {
    lab = await BatchLab.start({ answerMs: 20 });
    const { id } = await lab.begin(rows);
    await lab.until(id, (batch) => batch.request_counts!.completed > 20);
    await lab.client.batches.cancel(id);
    await lab.killAndRestart();
    const batch = await lab.until(id, ({ status }) => status === 'cancelled');
    const { completed, failed } = batch.request_counts!;
    expect(completed + failed).toBe(rows);
    expect(completed).toBeLessThan(rows);
    expect(await lab.tally(batch, rows)).toEqual({ missing: 0, doubled: 0, wrong: 0 });
    const errors = await lab.linesOf(batch.error_file_id);
    expect(new Set(errors.map(({ error }) => error?.code))).toEqual(new Set(['batch_cancelled']));
  }, 60_000);
});

describe('a batch', () => {
  it('whose window closes is expired, its answers kept', async () => {
    lab = await BatchLab.start({ answerMs: 200 });
    const { id } = await lab.begin(rows, '2s');
    const batch = await lab.until(id, ({ status }) => status === 'expired');
    const { completed, failed } = batch.request_counts!;
    expect(completed).toBeGreaterThan(0);
    expect(completed + failed).toBe(rows);
    expect(await lab.tally(batch, rows)).toEqual({ missing: 0, doubled: 0, wrong: 0 });
    const errors = await lab.linesOf(batch.error_file_id);
    expect(new Set(errors.map(({ error }) => error?.code))).toEqual(new Set(['batch_expired']));
  }, 60_000);

  it('of thousands of rows is done without one missing or doubled', async () => {
    // The whole of 50,000 is a scenario of the bench.
    const many = 5_000;
    lab = await BatchLab.start();
    const { id } = await lab.begin(many);
    const batch = await lab.until(id, ({ status }) => status === 'completed');
    expect(batch.request_counts).toEqual({ total: many, completed: many, failed: 0 });
    expect(await lab.tally(batch, many)).toEqual({ missing: 0, doubled: 0, wrong: 0 });
    expect(lab.backend.seen).toHaveLength(many);
  }, 120_000);
});
