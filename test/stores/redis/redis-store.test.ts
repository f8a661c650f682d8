import { afterAll, beforeAll, describe } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { openRedisStore } from '../../../src/stores/redis/redis-store.ts';
import { describeJobStore } from '../../conformance/job-store.ts';
import { hasRedis, RedisServer } from '../../support/redis-server.ts';

describe.runIf(hasRedis)('Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  const open = () =>
    openRedisStore({
      url: server.url,
      clock: systemClock,
      onFault: (error) => {
        throw error;
      },
    });

  describeJobStore('redis', {
    isDurable: true,
    async create() {
      await server.command('FLUSHALL');
      let store = await open();
      return {
        store,
        async reopen() {
          await store.close();
          store = await open();
          return store;
        },
        dispose: () => store.close(),
      };
    },
  });
});
