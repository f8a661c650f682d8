import { describe, expect, it } from 'vitest';
import { redisErrorOf } from '../../../src/stores/redis/redis-error.ts';
import { redisOptionsOf } from '../../../src/stores/redis/redis-options.ts';
import { faultsOf } from '../../../src/stores/redis/server-check.ts';

describe('the URL of Redis', () => {
  it('gives host, port, database, user and password', () => {
    const url = 'redis://us%3Aer:p%40ss@redis.example:7000/2';
    const options = { host: 'redis.example', port: 7_000, db: 2, username: 'us:er', password: 'p@ss' };
    expect(redisOptionsOf(url)).toMatchObject(options);
  });

  it('has a port, a database and no user by default, and knows IPv6', () => {
    const options = redisOptionsOf('redis://[::1]');
    expect(options).toMatchObject({ host: '::1', port: 6_379, db: 0 });
    expect(options).not.toHaveProperty('username');
    expect(options).not.toHaveProperty('tls');
  });

  it('asks for TLS with rediss, with the name that the certificate must have', () => {
    expect(redisOptionsOf('rediss://redis.example').tls).toEqual({ servername: 'redis.example' });
    expect(redisOptionsOf('rediss://10.0.0.1').tls).toEqual({});
  });

  it('sets no option of the client by its query', () => {
    const options = redisOptionsOf('redis://h/?enableOfflineQueue=true&maxRetriesPerRequest=9');
    expect(options).toMatchObject({ enableOfflineQueue: false, maxRetriesPerRequest: 0 });
  });

  it.each(['redis://:s3cret@h/x', 'redis://:s3cret@h:99999', 'http://:s3cret@h', 'redis://:s3cret%@h'])(
    'is refused without being quoted: %s',
    (url) => {
      let told = '';
      try {
        redisOptionsOf(url);
      } catch (error) {
        told = `${(error as { code: string }).code} ${error} ${(error as Error).stack} ${JSON.stringify(error)}`;
      }
      expect(told).toContain('store_unavailable');
      expect(told).not.toContain('s3cret');
    },
  );
});

describe('errors of Redis', () => {
  it('are told without what was sent', () => {
    const error = Object.assign(new Error('ERR no'), { command: { name: 'auth', args: ['s3cret'] } });
    const told = redisErrorOf(error, 'h:1');
    expect(told).toMatchObject({ code: 'store_unavailable', cause: { message: 'Redis at h:1: ERR no' } });
    expect(JSON.stringify(told.cause)).not.toContain('s3cret');
  });

  it.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'store_full'],
    ['MISCONF Errors writing to the AOF file: No space left on device', 'store_full'],
    ['MISCONF Redis is configured to save RDB snapshots', 'store_unavailable'],
    ['LOADING Redis is loading the dataset in memory', 'store_unavailable'],
    ['MOVED 1234 10.0.0.2:6379', 'store_unavailable'],
    ['connect ECONNREFUSED 127.0.0.1:1', 'store_unavailable'],
  ])('%s: %s', (text, code) => {
    expect(redisErrorOf(new Error(text), 'h:1').code).toBe(code);
  });
});

describe('what Redis says of itself', () => {
  const info = (lines: Record<string, string>) =>
    Object.entries(lines)
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join('');

  it('is no fault where it says nothing', () => {
    expect(faultsOf('')).toEqual({ fatal: null, lasting: [] });
  });

  it('is a fault where it is too old', () => {
    expect(faultsOf(info({ redis_version: '6.2.14' })).fatal).toContain('6.2.14');
    expect(faultsOf(info({ redis_version: '7.0.15' })).fatal).toBeNull();
    expect(faultsOf(info({ redis_version: '10.0.0' })).fatal).toBeNull();
  });

  it('is a fault where keys without an expiry are evicted, but not without a limit', () => {
    const lines = { maxmemory: '1000', maxmemory_policy: 'allkeys-random' };
    expect(faultsOf(info(lines)).fatal).toContain('allkeys-random');
    expect(faultsOf(info({ ...lines, maxmemory: '0' })).fatal).toBeNull();
    expect(faultsOf(info({ ...lines, maxmemory_policy: 'volatile-lru' })).fatal).toBeNull();
  });
});
