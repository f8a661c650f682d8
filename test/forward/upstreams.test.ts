import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { Upstreams } from '../../src/forward/upstreams.ts';
import { ManualClock } from '../support/manual-clock.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A server that answers nothing before it is told to, and counts its connections. */
async function replica() {
  let opened = 0;
  const waiting: ServerResponse[] = [];
  const server = createServer((_req, res) => waiting.push(res));
  server.on('connection', () => opened++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, server, waiting, opened: () => opened };
}

function upstreamsOf(connections: number, clock = systemClock): Upstreams {
  const upstreams = new Upstreams({
    clock,
    connections,
    connectTimeoutMs: 1_000,
    isShared: (id) => id === 'shared',
  });
  closers.push(() => upstreams.close());
  return upstreams;
}

/** A request whose answer nobody looks at; it ends when the pool is closed. */
function send(upstreams: Upstreams, id: string, url: string): void {
  const { pool } = upstreams.get(id, url, 0);
  pool.request({ path: '/', method: 'GET' }).then(
    ({ body }) => body.dump(),
    () => undefined,
  );
}

describe('the connections to replicas', () => {
  it('are as many per replica as it may be asked at once', async () => {
    const [one, two] = [await replica(), await replica()];
    const upstreams = upstreamsOf(3);
    for (let n = 0; n < 5; n++) send(upstreams, 'one', one.url);
    for (let n = 0; n < 2; n++) send(upstreams, 'two', two.url);
    await expect.poll(() => [one.waiting.length, two.waiting.length]).toEqual([3, 2]);
    expect([one.opened(), two.opened(), upstreams.connections]).toEqual([3, 2, 5]);
    one.waiting.shift()!.end();
    await expect.poll(() => one.waiting.length).toBe(3);
    expect(one.opened()).toBe(3);
  });

  it('are as many as it takes where there is no limit', async () => {
    const one = await replica();
    const upstreams = upstreamsOf(0);
    for (let n = 0; n < 150; n++) send(upstreams, 'one', one.url);
    await expect.poll(() => one.waiting.length).toBe(150);
  });

  it('are used again, and kept by replica', async () => {
    const one = await replica();
    const upstreams = upstreamsOf(2);
    for (let n = 1; n <= 3; n++) {
      send(upstreams, 'one', one.url);
      await expect.poll(() => one.waiting.length).toBe(1);
      one.waiting.shift()!.end();
      await expect.poll(() => upstreams.get('one', one.url, 0).pool.stats.running).toBe(0);
    }
    expect(one.opened()).toBe(1);
    expect(upstreams.get('one', one.url, 0)).toBe(upstreams.get('one', one.url, 0));
  });

  it('are made for each request where they may lead to any of several', async () => {
    const one = await replica();
    const upstreams = upstreamsOf(2);
    for (let n = 1; n <= 5; n++) send(upstreams, 'shared', one.url);
    for (let n = 5; n >= 1; n--) {
      await expect.poll(() => one.waiting.length).toBe(Math.min(2, n));
      expect(one.waiting[0]!.req.headers.connection).toBe('close');
      one.waiting.shift()!.end();
    }
    await expect.poll(() => upstreams.connections).toBe(0);
    expect(one.opened()).toBe(5);
  });

  it('are closed by us before the 5 s after which common servers close them, as a reset would cost a request', async () => {
    const one = await replica();
    // It names no time of its own.
    one.server.keepAliveTimeout = 0;
    const upstreams = upstreamsOf(1);
    send(upstreams, 'one', one.url);
    await expect.poll(() => one.waiting.length).toBe(1);
    one.waiting.shift()!.end();
    const idleSinceMs = performance.now();
    await expect.poll(() => upstreams.connections, { timeout: 10_000 }).toBe(0);
    expect(performance.now() - idleSinceMs).toBeLessThan(5_000);
    expect(performance.now() - idleSinceMs).toBeGreaterThan(2_000);
  });

  it('to a URL with a path have that path before every request', () => {
    const { pathPrefix } = upstreamsOf(1).get('one', 'http://127.0.0.1:1/base/path/', 0);
    expect(pathPrefix).toBe('/base/path');
  });

  it('of a replica that was not asked for a minute are forgotten, and leave no timer', async () => {
    const clock = new ManualClock();
    const upstreams = upstreamsOf(1, clock);
    const first = upstreams.get('one', 'http://127.0.0.1:1', clock.nowMs());
    await clock.advance(59_000);
    expect(upstreams.get('one', 'http://127.0.0.1:1', clock.nowMs())).toBe(first);
    await clock.advance(90_000);
    expect(clock.pendingTimers).toBe(0);
    expect(upstreams.get('one', 'http://127.0.0.1:1', clock.nowMs())).not.toBe(first);
  });
});
