import { writeSync } from 'node:fs';
import { systemClock } from '../../src/core/clock.ts';
import { openSqliteStore } from '../../src/stores/sqlite/store.ts';
import { aJob, nextOf, storedResult } from './job.ts';

/** Jobs that are made and ended at the same time. */
const writers = 24;

const [, , file = '', prefix = ''] = process.argv;
const store = await openSqliteStore({
  file,
  clock: systemClock,
  onFault(fault) {
    throw fault;
  },
});

/** Makes jobs and ends them, for ever; each commit is told when it was acknowledged, in one write. */
async function work(writer: number): Promise<void> {
  for (let count = 0; ; count++) {
    const id = `${prefix}-${writer}-${count}`;
    const job = aJob({ id, lastSeq: 1 });
    const event = { seq: 1, atMs: 1, type: 'state', data: 'queued' } as const;
    await store.commit([{ id, expected: 0, next: job, input: Buffer.from(id), events: [event] }]);
    writeSync(1, `${id} 1\n`);
    const next = nextOf(job, { state: 'succeeded', endedAtMs: 2_000, result: storedResult });
    await store.commit([{ id, expected: 1, next, output: Buffer.from(`done ${id}`) }]);
    writeSync(1, `${id} 2\n`);
  }
}

await Promise.all(Array.from({ length: writers }, (_, writer) => work(writer)));
