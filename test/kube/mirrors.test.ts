import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { KubeApi } from '../../src/kube/api.ts';
import { createKubeApi } from '../../src/kube/client.ts';
import type { Kept, Mirrors } from '../../src/kube/mirror.ts';
import { createMirrors } from '../../src/kube/mirrors.ts';
import { accessTo } from '../support/kube-access.ts';
import { KubeServer } from '../support/kube-server.ts';
import type { KubeObject } from '../support/kube-server-store.ts';

const path = '/api/v1/namespaces/llm/pods';
const { signal } = new AbortController();
const spec = {
  path,
  project: (object: unknown): Kept | null => {
    const { uid, name, namespace, resourceVersion } = (object as KubeObject).metadata;
    return { uid: uid!, name, namespace: namespace!, resourceVersion: resourceVersion! };
  },
};
let server: KubeServer;
let api: KubeApi;
let mirrors: Mirrors;
beforeEach(() => begin());
afterEach(() => end());

async function begin(): Promise<void> {
  server = await KubeServer.start();
  const access = accessTo(server);
  api = createKubeApi({ access, clock: systemClock, userAgent: 'test' });
  mirrors = createMirrors({ api, clock: systemClock, random: Math.random, onFault: () => undefined });
}

async function end(): Promise<void> {
  await mirrors.close();
  await api.close();
  await server.close();
}

const names = (mirror: { list(): Iterable<Kept> }) => [...mirror.list()].map(({ name }) => name).sort();
const lists = () => server.requests.filter(({ verb }) => verb === 'list').length;

async function synced() {
  const { mirror, release } = mirrors.use(spec);
  await mirror.synced(5_000, signal);
  await expect.poll(() => server.watchCount()).toBe(1);
  return { mirror, release };
}

describe('a mirror', () => {
  it('takes a list of many pages and then each change', async () => {
    for (let n = 0; n < 1_201; n++) server.put(`${path}/p${n}`, {});
    const { mirror } = await synced();
    expect([names(mirror).length, lists()]).toEqual([1_201, 3]);
    server.delete(`${path}/p7`);
    server.put(`${path}/new`, {});
    await expect.poll(() => mirror.get('llm', 'new')?.name).toBe('new');
    expect([mirror.get('llm', 'p7'), names(mirror).length]).toEqual([undefined, 1_201]);
  });

  it('shares one watch among its users, which the last one ends', async () => {
    const { release } = await synced();
    const other = mirrors.use(spec);
    release();
    release();
    expect([mirrors.size, server.watchCount()]).toEqual([1, 1]);
    other.release();
    await expect.poll(() => server.watchCount()).toBe(0);
    expect(mirrors.size).toBe(0);
  });

  it('shares one watch among several projections, of which each has its own part', async () => {
    server.put(`${path}/a`, { metadata: { labels: { app: 'x' } } });
    server.put(`${path}/b`, {});
    const whole = await synced();
    const told: string[] = [];
    whole.mirror.listen({
      onSet: ({ name }) => told.push(name),
      onDelete: ({ name }) => told.push(`-${name}`),
    });
    const labelled = (object: unknown) =>
      (object as KubeObject).metadata.labels === undefined ? null : spec.project(object);
    const part = mirrors.use({ path, project: labelled });
    expect([part.mirror.isSynced, part.mirror.isFresh]).toEqual([false, false]);
    await part.mirror.synced(5_000, signal);
    await expect.poll(() => [part.mirror.isFresh, server.watchCount()]).toEqual([true, 1]);
    expect([mirrors.size, names(whole.mirror), names(part.mirror)]).toEqual([1, ['a', 'b'], ['a']]);
    expect([told, whole.mirror.isFresh]).toEqual([[], true]);
    server.put(`${path}/b`, { metadata: { labels: { app: 'x' } } });
    server.put(`${path}/a`, { metadata: { labels: undefined } });
    server.delete(`${path}/b`);
    server.put(`${path}/c`, {});
    await expect.poll(() => told).toEqual(['b', 'a', '-b', 'c']);
    expect([names(whole.mirror), names(part.mirror)]).toEqual([['a', 'c'], []]);
    whole.release();
    expect([mirrors.size, server.watchCount(), lists()]).toEqual([1, 1, 2]);
    part.release();
    await expect.poll(() => server.watchCount()).toBe(0);
  });

  it('fills a projection that comes while the first list is taken', async () => {
    server.put(`${path}/a`, {});
    server.fault({ kind: 'delay', verb: 'list', delayMs: 200, times: 1 });
    const first = mirrors.use(spec);
    await expect.poll(lists).toBe(1);
    const second = mirrors.use({ path, project: (object) => spec.project(object) });
    await second.mirror.synced(5_000, signal);
    await expect.poll(() => [first.mirror.isFresh, second.mirror.isFresh]).toEqual([true, true]);
    expect([names(first.mirror), names(second.mirror), server.watchCount()]).toEqual([['a'], ['a'], 1]);
  });

  it('opens an ended or broken watch where it was, without a list', async () => {
    const { mirror } = await synced();
    server.cutWatches();
    server.put(`${path}/a`, {});
    await expect.poll(() => names(mirror)).toEqual(['a']);
    server.endWatches();
    server.put(`${path}/b`, {});
    await expect.poll(() => names(mirror)).toEqual(['a', 'b']);
    expect([lists(), mirror.isFresh]).toEqual([1, true]);
  });

  it('lists again when its version is forgotten, and tells the differences', async () => {
    server.put(`${path}/same`, {});
    server.put(`${path}/gone`, {});
    server.put(`${path}/other`, {});
    const { mirror } = await synced();
    const told: string[] = [];
    mirror.listen({
      onSet: (object, before) => told.push(`set ${object.name} ${before === undefined}`),
      onDelete: ({ name }) => told.push(`delete ${name}`),
    });
    await server.down();
    server.delete(`${path}/gone`);
    server.delete(`${path}/other`);
    server.put(`${path}/other`, {});
    server.compact();
    await server.up();
    await expect.poll(() => told.sort()).toEqual(['delete gone', 'delete other', 'set other true']);
    expect(names(mirror)).toEqual(['other', 'same']);
  });

  it('begins its list anew when a page to go on from is forgotten', async () => {
    for (let n = 0; n < 700; n++) server.put(`${path}/p${n}`, {});
    server.fault({ kind: 'delay', verb: 'list', delayMs: 200, times: 1 });
    const { mirror } = mirrors.use(spec);
    await expect.poll(lists).toBe(1);
    server.fault({ kind: 'status', verb: 'list', status: 410, reason: 'Expired', times: 1 });
    await mirror.synced(5_000, signal);
    expect([names(mirror).length, lists()]).toEqual([700, 4]);
  });

  it('tells why each of its lists was taken', async () => {
    const { mirror } = await synced();
    const told = () => [...mirrors.lists].filter(([, count]) => count > 0);
    expect(told()).toEqual([['first', 1]]);
    server.sendToWatches('{"type":"ERROR","object":{"code":410,"reason":"Expired"}}\n');
    await expect.poll(lists).toBe(2);
    await expect.poll(told).toEqual([
      ['first', 1],
      ['expired', 1],
    ]);
    expect(mirror.isFresh).toBe(true);
    mirrors.use({ path, project: (object) => spec.project(object) });
    await expect.poll(() => mirrors.lists.get('projection')).toBe(1);
    expect([lists(), mirrors.lists.get('expired'), mirrors.lists.get('resync')]).toEqual([3, 1, 0]);
  });

  it('asks a throttling server no sooner than it said', async () => {
    server.fault({ kind: 'status', verb: 'watch', status: 429, retryAfterS: 1, times: 1 });
    const { mirror } = mirrors.use(spec);
    await expect.poll(() => mirror.fault?.status).toBe(429);
    const atMs = performance.now();
    await expect.poll(() => mirror.isFresh).toBe(true);
    expect(performance.now() - atMs).toBeGreaterThan(900);
  });

  it('goes on after garbage, an ERROR event and objects of another shape', async () => {
    const { mirror } = await synced();
    server.sendToWatches('{"type":"BOOKMARK","object":7}\n{"type":"ADDED","object":null}\n');
    server.sendToWatches('{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n');
    await expect.poll(() => mirror.fault?.message ?? '').toContain('etcd');
    await expect.poll(() => mirror.fault).toBe(null);
    server.sendToWatches('no json\n');
    server.put(`${path}/a`, {});
    await expect.poll(() => names(mirror)).toEqual(['a']);
  });

  it('says that it is denied, and is fresh once it is not', async () => {
    server.fault({ kind: 'forbid', verb: 'list' });
    const { mirror } = mirrors.use(spec);
    await expect(mirror.synced(100, signal)).rejects.toThrow('cannot list resource "pods"');
    expect([mirror.isSynced, mirror.fault?.status]).toEqual([false, 403]);
    server.heal();
    await expect.poll(() => [mirror.isFresh, mirror.fault]).toEqual([true, null]);
  });

  it('keeps its content while the server is away, stale after 5 s, and finds back within a second', async () => {
    server.put(`${path}/a`, {});
    const { mirror } = await synced();
    let flips = 0;
    mirror.listen({ onState: () => flips++ });
    await server.down();
    await expect.poll(() => flips).toBeGreaterThan(0);
    expect([mirror.isFresh, names(mirror)]).toEqual([true, ['a']]);
    await expect.poll(() => mirror.isFresh).toBe(false);
    expect(names(mirror)).toEqual(['a']);
    const backAtMs = performance.now();
    await server.up();
    await expect.poll(() => [mirror.isFresh, mirror.fault]).toEqual([true, null]);
    expect(performance.now() - backAtMs).toBeLessThan(2_000);
  });

  it('is what the server has, whatever happens on the way', async () => {
    const name = fc.integer({ min: 0, max: 5 }).map((n) => `${path}/p${n}`);
    const steps = fc.oneof(
      fc.record({ do: fc.constant('put' as const), at: name }),
      fc.record({ do: fc.constant('delete' as const), at: name }),
      fc.record({
        do: fc.constantFrom(
          ...(['cut', 'end', 'compact', 'bookmark', 'reset', 'garbage', 'bounce', 'expire'] as const),
          'join' as const,
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (all) => {
        await end();
        await begin();
        const used = [mirrors.use(spec).mirror];
        for (const step of all) {
          if (step.do === 'join') used.push(mirrors.use({ path, project: (it) => spec.project(it) }).mirror);
          else if (step.do === 'put') server.put((step as { at: string }).at, { spec: { n: Math.random() } });
          else if (step.do === 'delete') server.delete((step as { at: string }).at);
          else if (step.do === 'cut') server.cutWatches();
          else if (step.do === 'end') server.endWatches();
          else if (step.do === 'compact') server.compact();
          else if (step.do === 'bookmark') server.bookmark();
          else if (step.do === 'reset') server.fault({ kind: 'reset', times: 1 });
          else if (step.do === 'garbage') server.sendToWatches('{"type":\n');
          else if (step.do === 'expire')
            server.sendToWatches('{"type":"ERROR","object":{"code":410,"reason":"Expired"}}\n');
          else await server.down().then(() => server.up());
          await new Promise(setImmediate);
        }
        const versions = (all: Iterable<Kept>) =>
          [...all].map((kept) => `${kept.name} ${kept.uid} ${kept.resourceVersion}`).sort();
        const wanted = versions(server.list(path).map((object) => spec.project(object)!));
        for (const mirror of used) await expect.poll(() => versions(mirror.list())).toEqual(wanted);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });
});
