import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { testCertificate, testKey } from '../../probe/certificate.ts';
import { freePort } from '../../support/free-ports.ts';
import { aJob } from '../../support/job.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { add, RedisRig } from './rig.ts';

const unavailable = { code: 'store_unavailable' };

describe.runIf(hasRedis)('a Redis that cannot be used', () => {
  let rig: RedisRig;
  afterEach(() => rig.stop());

  it('is refused at once for a wrong password, which is told nowhere', async () => {
    rig = await RedisRig.start({ settings: { requirepass: 'right-one' } });
    const secret = 'wr0ng/one';
    const url = `redis://:${encodeURIComponent(secret)}@127.0.0.1:${rig.server.port}`;
    const error = await rig.open(url).catch((error: unknown) => error);
    expect(error).toMatchObject(unavailable);
    expect(String(error)).toContain('it refuses the password');
    const told = inspect([error, rig.faults], { depth: 10, showHidden: true });
    expect(told).not.toContain(secret);
    expect(told).not.toContain(encodeURIComponent(secret));
  });

  it('is refused at once where it wants a password and the URL has none', async () => {
    rig = await RedisRig.start({ settings: { requirepass: 'right-one' } });
    await expect(rig.open()).rejects.toMatchObject(unavailable);
  });

  it('is reached with a user, a password and a database of the URL', async () => {
    rig = await RedisRig.start();
    const rights = ['~{pilotlight}*', '&{pilotlight}*', '+@all', '-@admin', '-@dangerous', '+info'];
    await rig.server.command('ACL', 'SETUSER', 'jobs', 'on', '>p@ss/word', ...rights);
    const store = await rig.open(`redis://jobs:p%40ss%2Fword@127.0.0.1:${rig.server.port}/3`);
    await add(store, { id: 'a' });
    expect(await rig.server.command('INFO', 'keyspace')).toMatch(/db3:keys=\d/);
    expect(await rig.server.command('INFO', 'keyspace')).not.toMatch(/db0/);
  });

  it('is reached by TLS, and only where its certificate is known', async () => {
    rig = await RedisRig.start();
    const [key, certificate] = [join(rig.server.folder, 'key.pem'), join(rig.server.folder, 'cert.pem')];
    writeFileSync(key, testKey);
    writeFileSync(certificate, testCertificate);
    const port = await freePort();
    const files = ['tls-cert-file', certificate, 'tls-key-file', key, 'tls-ca-cert-file', certificate];
    await rig.server.command('CONFIG', 'SET', ...files, 'tls-auth-clients', 'no', 'tls-port', port);
    const clock = new ManualClock();
    const stranger = rig.open(`rediss://localhost:${port}`, clock);
    await passOpening(clock);
    const error: unknown = await stranger.catch((error: unknown) => error);
    expect(error).toMatchObject(unavailable);
    expect(inspect(error)).toMatch(/self-signed certificate/);
    const known = getCACertificates();
    setDefaultCACertificates([...known, testCertificate]);
    try {
      const store = await rig.open(`rediss://localhost:${port}`);
      await add(store, { id: 'a' });
      expect(await store.get('a')).toMatchObject({ id: 'a' });
    } finally {
      setDefaultCACertificates(known);
    }
  });

  it('is not opened where nobody listens, and the time to wait for it is bounded', async () => {
    rig = await RedisRig.start();
    const clock = new ManualClock();
    const opening = rig.open(`redis://127.0.0.1:${await freePort()}`, clock);
    await passOpening(clock);
    await expect(opening).rejects.toMatchObject(unavailable);
  });

  it('is waited for while it starts', async () => {
    rig = await RedisRig.start();
    await rig.server.kill();
    const opening = rig.open();
    await rig.server.restart();
    await add(await opening, { id: 'a' });
  });

  it('is refused where it would throw jobs away when its memory is full', async () => {
    rig = await RedisRig.start({ settings: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' } });
    await expect(rig.open()).rejects.toThrow(/maxmemory-policy is allkeys-lru/);
  });

  it('is told of where it keeps no log on disk', async () => {
    rig = await RedisRig.start({ settings: { appendonly: 'no' } });
    await rig.open();
    expect(rig.faults.map(String)).toEqual([expect.stringContaining('appendonly is no')]);
  });

  it('is full: store_full, nothing of it is written, and what is there can be ended', async () => {
    rig = await RedisRig.start({ settings: { maxmemory: '12mb', 'maxmemory-policy': 'noeviction' } });
    const store = await rig.open();
    const input = Buffer.alloc(500_000);
    let count = 0;
    const fill = async (): Promise<never> => {
      for (;;) {
        await store.commit([{ id: `job-${count}`, expected: 0, next: aJob({ id: `job-${count}` }), input }]);
        count++;
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: 'store_full' });
    expect(count).toBeGreaterThan(0);
    expect(await store.get(`job-${count}`)).toBeNull();
    expect(await store.backlog()).toEqual([{ model: 'llama', byRank: [0, count, 0] }]);
    await rig.server.command('CONFIG', 'SET', 'maxmemory', '0');
    await add(store, { id: `job-${count}` });
  });

  it('is a replica for a while: store_unavailable, until it takes writes again', async () => {
    rig = await RedisRig.start();
    const store = await rig.open();
    await rig.server.command('REPLICAOF', '127.0.0.1', 1);
    await expect(add(store, { id: 'a' })).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining('replica'),
    });
    await rig.server.command('REPLICAOF', 'NO', 'ONE');
    await expect.poll(() => add(store, { id: 'a' }).catch(() => null)).toMatchObject({ id: 'a' });
  });

  it('has forgotten the scripts: it is sent them again', async () => {
    rig = await RedisRig.start();
    const store = await rig.open();
    await add(store, { id: 'a' });
    await rig.server.command('SCRIPT', 'FLUSH');
    await Promise.all(['b', 'c'].map((id) => add(store, { id })));
    await rig.server.command('SCRIPT', 'FLUSH');
    expect(await store.head('llama', 2, 10)).toEqual(['a', 'b', 'c']);
  });

  it('does not answer: what was asked fails in time, and it goes on when Redis does', {
    timeout: 60_000,
  }, async () => {
    rig = await RedisRig.start();
    const store = await rig.open();
    rig.server.signal('SIGSTOP');
    const asked = [store.get('a'), add(store, { id: 'a' })];
    for (const answer of await Promise.allSettled(asked))
      expect(answer).toMatchObject({ reason: unavailable });
    rig.server.signal('SIGCONT');
    await expect.poll(() => add(store, { id: 'b' }).catch(() => null)).toMatchObject({ id: 'b' });
  });

  it('is gone: what is asked waits a while, and no more than so much', async () => {
    rig = await RedisRig.start();
    const clock = new ManualClock();
    const store = await rig.open(rig.server.url, clock);
    await rig.server.kill();
    await expect.poll(() => rig.faults.length).toBeGreaterThan(0);
    const next = aJob({ id: 'a' });
    const many = Array.from({ length: 10_600 }, () => ({ id: 'a', expected: 0, next }));
    const waiting = expect(store.commit(many)).rejects.toMatchObject(unavailable);
    await new Promise(setImmediate);
    await expect(store.commit([{ id: 'b', expected: 0, next }])).rejects.toThrow(/changes wait for it/);
    const asked = Array.from({ length: 1_100 }, () => store.get('a').catch((error: unknown) => error));
    expect(await asked.at(-1)).toMatchObject(unavailable);
    await clock.advance(2_000);
    for (const error of await Promise.all(asked)) expect(error).toMatchObject(unavailable);
    await waiting;
    expect(inspect(rig.faults)).toContain(`127.0.0.1:${rig.server.port}`);
    expect(rig.faults.length).toBeLessThanOrEqual(2);
  });
});

/** Lets the time that a first connection may take pass. */
async function passOpening(clock: ManualClock): Promise<void> {
  await expect.poll(() => clock.pendingTimers).toBeGreaterThan(0);
  await clock.advance(10_000);
}
