import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { KubeApi } from '../../src/kube/api.ts';
import { createKubeApi } from '../../src/kube/client.ts';
import { createResources } from '../../src/kube/discovery.ts';
import { createLease } from '../../src/kube/lease.ts';
import type { LeaseHolder } from '../../src/kube/lease-holder.ts';
import { KubeServer } from '../support/kube-server.ts';
import { ManualClock } from '../support/manual-clock.ts';

const path = '/apis/coordination.k8s.io/v1/namespaces/llm/leases/pilotlight';
const named = { name: 'pilotlight', namespace: null, retryMs: 50 };
/** Long enough that no leader loses it because the machine is busy. */
const settings = { ...named, durationMs: 30_000, renewDeadlineMs: 20_000 };
/** For tests in which it runs out. */
const short = { ...named, durationMs: 1_000, renewDeadlineMs: 600 };
const { signal } = new AbortController();
let server: KubeServer;
let api: KubeApi;
const holders: LeaseHolder[] = [];
beforeEach(async () => {
  server = await KubeServer.start();
  const headers = async () => ({});
  const access = { server: server.url, namespace: 'llm', tls: {}, headers, refresh: () => undefined };
  api = createKubeApi({ access, clock: systemClock, userAgent: 'test' });
});
afterEach(async () => {
  for (const holder of holders.splice(0)) await holder.close();
  await api.close();
  await server.close();
});

function gateway(identity: string, drainMs = 5_000, lease = settings): LeaseHolder {
  const onFault = () => undefined;
  const options = { api, clock: systemClock, random: Math.random, identity, drainMs, onFault };
  const holder = createLease({ ...options, settings: lease });
  holders.push(holder);
  holder.start();
  return holder;
}

describe('the lease of a group', () => {
  it('is held by one, which may lower counts at once where nobody led before', async () => {
    const one = gateway('one');
    await expect.poll(() => one.isLeader).toBe(true);
    const two = gateway('two');
    await expect.poll(() => two.reason).toBe('one leads');
    expect([one.lowersFromMs, one.reason, two.isLeader, two.leader]).toEqual([0, null, false, 'one']);
    expect(one.leadsFor()).toBeGreaterThan(0);
    expect(two.leadsFor()).toBe(0);
  });

  it('that is given up is taken at once, and the drain of the one before is still waited for', async () => {
    const one = gateway('one', 7_000);
    await expect.poll(() => one.isLeader).toBe(true);
    const two = gateway('two', 1);
    await expect.poll(() => two.reason).toBe('one leads');
    const atMs = systemClock.nowMs();
    await one.release();
    expect(one.isLeader).toBe(false);
    await expect.poll(() => two.isLeader).toBe(true);
    expect(systemClock.nowMs() - atMs).toBeLessThan(settings.durationMs / 2);
    expect(two.lowersFromMs).toBeGreaterThan(atMs + 6_900);
    expect(server.get(path)?.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 2 });
  });

  it('that runs out is taken after its duration by the own clock, whatever times stand in it', async () => {
    const spec = {
      holderIdentity: 'dead',
      leaseDurationSeconds: 1,
      renewTime: '2099-01-01T00:00:00.000000Z',
    };
    server.put(path, { spec });
    const atMs = systemClock.nowMs();
    const one = gateway('one', 5_000, short);
    await expect.poll(() => one.isLeader).toBe(true);
    expect(systemClock.nowMs() - atMs).toBeGreaterThanOrEqual(1_000);
    expect(one.lowersFromMs).toBeGreaterThan(atMs + 6_000);
  });

  it('is lost when no renewal is answered in time, and a late answer does not bring it back', async () => {
    const one = gateway('one', 5_000, short);
    await expect.poll(() => one.isLeader).toBe(true);
    server.fault({ kind: 'delay', verb: 'update', delayMs: 800, times: 1 });
    const heal = server.fault({ kind: 'hang' });
    await expect.poll(() => one.isLeader).toBe(false);
    expect(server.get(path)?.spec).toMatchObject({ holderIdentity: 'one' });
    heal();
    await expect.poll(() => one.isLeader).toBe(true);
    expect(one.lowersFromMs).toBe(0);
  });

  it('is kept when a renewal took effect and its answer was lost', async () => {
    const one = gateway('one');
    await expect.poll(() => one.isLeader).toBe(true);
    let changes = 0;
    one.onChange(() => changes++);
    const current = server.get(path)!;
    server.put(path, { ...current, spec: { ...current.spec, renewTime: '2026-01-01T00:00:00.000000Z' } });
    const renewals = server.requests.length;
    await expect.poll(() => server.requests.length).toBeGreaterThan(renewals + 4);
    expect([one.isLeader, changes]).toEqual([true, 0]);
  });

  it('is lost to whoever wrote it since', async () => {
    const one = gateway('one');
    await expect.poll(() => one.isLeader).toBe(true);
    server.put(path, { spec: { holderIdentity: 'other', leaseDurationSeconds: 60 } });
    await expect.poll(() => one.reason).toBe('other leads');
  });

  it('that somebody deletes is made anew by its leader, and taken by nobody else meanwhile', async () => {
    const one = gateway('one');
    await expect.poll(() => one.isLeader).toBe(true);
    const two = gateway('two');
    await expect.poll(() => two.reason).toBe('one leads');
    const took: string[] = [];
    two.onChange(() => took.push(two.reason ?? 'two leads'));
    server.delete(path);
    await expect.poll(() => server.get(path)?.spec).toMatchObject({ holderIdentity: 'one' });
    const version = () => server.get(path)?.metadata.resourceVersion;
    const made = version();
    await expect.poll(version).not.toBe(made);
    expect([one.isLeader, two.isLeader, took]).toEqual([true, false, []]);
  });

  it('that is deleted after its leader died is taken after its duration, and the drain is waited for', async () => {
    const one = gateway('one', 7_000, short);
    await expect.poll(() => one.isLeader).toBe(true);
    const two = gateway('two', 1, short);
    await expect.poll(() => two.reason).toBe('one leads');
    const atMs = systemClock.nowMs();
    await one.close();
    server.delete(path);
    await expect.poll(() => two.isLeader).toBe(true);
    expect(systemClock.nowMs() - atMs).toBeGreaterThan(700);
    expect(two.lowersFromMs).toBeGreaterThan(atMs + 7_000);
  });

  it('says which permission is missing', async () => {
    server.fault({ kind: 'forbid', resource: 'leases', verb: 'create' });
    const one = gateway('one');
    await expect
      .poll(() => one.reason)
      .toContain('leases in namespace "llm" need the verbs get, create and update');
    expect(one.reason).toContain('cannot create resource "leases"');
  });
});

describe('the kinds of a server', () => {
  it('are found by kind, plural and short name, with what they can', async () => {
    const resources = createResources(api, new ManualClock());
    for (const kind of ['Deployment', 'deployments', 'DEPLOY']) {
      expect(await resources.find({ apiVersion: null, kind }, signal)).toMatchObject({
        apiVersion: 'apps/v1',
        plural: 'deployments',
        hasScale: true,
      });
    }
    expect(await resources.find({ apiVersion: 'v1', kind: 'pod' }, signal)).toMatchObject({
      hasScale: false,
    });
    expect(server.requests.filter((request) => request.path === '/apis/apps/v1')).toHaveLength(1);
  });

  it('that are missing are looked for again after 30 s, not sooner', async () => {
    const clock = new ManualClock();
    const resources = createResources(api, clock);
    const find = () => resources.find({ apiVersion: 'lws.x-k8s.io/v1', kind: 'LeaderWorkerSet' }, signal);
    expect([await find(), await find(), server.requests.length]).toEqual([null, null, 1]);
    await clock.advance(30_000);
    expect([await find(), server.requests.length]).toEqual([null, 2]);
  });
});
