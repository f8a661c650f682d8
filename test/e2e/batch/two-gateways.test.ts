import { afterEach, describe, expect, it } from 'vitest';
import { hasRedis, RedisServer } from '../../support/redis-server.ts';
import { BatchLab } from './batch-lab.ts';

const rows = 400;

let lab: BatchLab;
let redis: RedisServer;
afterEach(async () => {
  await lab?.close();
  await redis?.stop();
});

describe.skipIf(!hasRedis)('two gateways on one Redis', () => {
  it('do one batch together, and the one goes on with it where the other is killed', async () => {
    redis = await RedisServer.start();
    lab = await BatchLab.start({ answerMs: 10, store: redis.url, jobs: 'jobs: { lease: 2s }' });
    const { id } = await lab.begin(rows);
    const killFirst = await lab.replace();
    await lab.until(id, (batch) => batch.request_counts!.completed > 50);
    killFirst();
    const batch = await lab.until(id, ({ status }) => status === 'completed');
    expect(batch.request_counts).toEqual({ total: rows, completed: rows, failed: 0 });
    expect(await lab.tally(batch, rows)).toEqual({ missing: 0, doubled: 0, wrong: 0 });
  }, 90_000);
});
