import { describe, expect, it } from 'vitest';
import { pokingDocuments } from '../../src/jobs/batch-poke.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { PlayedBatchDesk } from '../support/played-batch-desk.ts';
import { ask, createBatch, putFile, rowsOf, startRunner, until } from './batch-rig.ts';

describe('the runner of batches', () => {
  it('is poked by a batch that is made and by one that is cancelled, and by nothing else', async () => {
    const clock = new ManualClock();
    const played = new PlayedBatchDesk(clock);
    let pokes = 0;
    const documents = pokingDocuments(played.store.documents, () => {
      pokes += 1;
    });
    const desk = { ...played.desk, jobs: { ...played.desk.jobs, documents } };
    await putFile(
      played,
      rowsOf(1)
        .map((row) => JSON.stringify(row))
        .join('\n'),
    );
    const { id } = await createBatch(desk);
    expect(pokes).toBe(1);
    const { runner } = startRunner(played, clock, { desk });
    await until(clock, () => played.members(id).length === 1);
    expect(pokes).toBe(1);
    await ask(desk, 'POST', '/v1/batches/:id/cancel', { params: { id } });
    expect(pokes).toBe(2);
    await runner.close();
  });
});
