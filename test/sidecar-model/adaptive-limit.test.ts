import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Gate } from '../../src/admission/gate.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { BackendLoad } from '../../src/core/signals.ts';
import { appReplica, createAppGate } from '../../src/sidecar/app-gate.ts';
import { AdaptiveLimit, type AdaptiveLimitOptions } from '../../src/sidecar/model/gauges/adaptive-limit.ts';
import { TestWaiter } from '../admission/test-waiter.ts';
import { Listeners } from '../probe/listeners.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('a limit that follows the gauges of the app', () => {
  let clock: ManualClock;
  let load: BackendLoad | null;
  let reads: string[];
  let told: unknown[];
  let open: AdaptiveLimit[];
  let waiters: TestWaiter[];

  beforeEach(() => {
    clock = new ManualClock();
    load = { waiting: 0, running: 0, kvCache: null };
    reads = [];
    told = [];
    open = [];
    waiters = [];
  });
  afterEach(async () => {
    for (const limit of open) await limit.close();
    expect(clock.pendingTimers).toBe(0);
  });

  function rig(
    concurrency: number,
    more: Partial<AdaptiveLimitOptions> = {},
  ): { gate: Gate; limit: AdaptiveLimit } {
    const user = { host: '127.0.0.1', port: 81 };
    const gate = createAppGate({ concurrency, queueMax: 5_000, user }, clock);
    const limit = new AdaptiveLimit({
      adaptive: { path: '/metrics', everyMs: 1_000, maxWaiting: 0 },
      ...{ user, concurrency, gate, clock },
      replica: appReplica,
      gauge: {
        async read(origin) {
          reads.push(origin);
          return load;
        },
      },
      onLimit: (value) => told.push(value),
      onReadable: (isReadable) => told.push(isReadable ? 'readable' : 'unreadable'),
      ...more,
    });
    open.push(limit);
    return { gate, limit };
  }

  function enter(gate: Gate, count: number): void {
    for (let n = 0; n < count; n++) waiters.push(new TestWaiter(`${n}`).enter(gate));
  }

  it('asks nothing while the app has nothing to do', async () => {
    const { gate } = rig(8);
    await clock.advance(10_000);
    expect(reads).toEqual([]);
    enter(gate, 1);
    await clock.advance(2_000);
    expect(reads).toEqual(['http://127.0.0.1:81', 'http://127.0.0.1:81']);
  });

  it('lets fewer in when the app queues, and more again when it does not', async () => {
    const { gate, limit } = rig(8);
    enter(gate, 20);
    expect([gate.inFlight, gate.waiting]).toEqual([8, 12]);
    load = { waiting: 2, running: 6, kvCache: 0.5 };
    await clock.advance(7_000);
    expect(limit.limit).toBe(6);
    for (const { permit } of waiters.slice(0, 3)) permit?.release();
    expect([gate.inFlight, gate.waiting]).toEqual([6, 11]);
    load = { waiting: 0, running: 6, kvCache: 0.5 };
    await clock.advance(10_000);
    expect([limit.limit, gate.inFlight]).toEqual([8, 8]);
    expect(told).toEqual([6, 7, 8]);
  });

  it('holds what is configured while the gauges cannot be read, and says so once', async () => {
    const { gate, limit } = rig(8);
    enter(gate, 20);
    load = { waiting: 2, running: 6, kvCache: null };
    await clock.advance(7_000);
    expect(limit.limit).toBe(6);
    load = null;
    await clock.advance(20_000);
    expect([limit.limit, gate.inFlight]).toEqual([8, 8]);
    expect(told).toEqual([6, 'unreadable', 8]);
    load = { waiting: 0, running: 8, kvCache: null };
    await clock.advance(1_000);
    expect(told.at(-1)).toBe('readable');
  });

  it('has a bound of its own where nothing is configured, and none while the gauges cannot be read', async () => {
    const { gate, limit } = rig(0);
    enter(gate, 1_200);
    expect([limit.limit, gate.inFlight]).toEqual([1_000, 1_000]);
    load = null;
    await clock.advance(3_000);
    expect([limit.limit, gate.inFlight]).toEqual([0, 1_200]);
  });

  it('leaves an app alone that sleeps', async () => {
    let isAwake = false;
    const { gate } = rig(1, { isAwake: () => isAwake });
    enter(gate, 2);
    load = null;
    await clock.advance(10_000);
    expect(reads).toEqual([]);
    isAwake = true;
    await clock.advance(2_000);
    expect(reads.length).toBe(2);
  });

  it('reads the metrics of the app over HTTP', async () => {
    const listeners = new Listeners();
    const paths: unknown[] = [];
    const origin = await listeners.listenHttp((request, response) => {
      paths.push(request.url);
      response
        .setHeader('content-type', 'text/plain')
        .end('vllm:num_requests_waiting 3\nvllm:num_requests_running 1\n');
    });
    const user = { host: '127.0.0.1', port: Number(new URL(origin).port) };
    const gate = createAppGate({ concurrency: 4, queueMax: 40, user }, systemClock);
    enter(gate, 4);
    const limit = new AdaptiveLimit({
      adaptive: { path: '/own/metrics', everyMs: 5, maxWaiting: 0 },
      ...{ user, gate, concurrency: 4, replica: appReplica },
      onReadable: (isReadable) => told.push(isReadable),
    });
    try {
      await expect.poll(() => paths.length).toBeGreaterThan(4);
      expect(new Set(paths)).toEqual(new Set(['/own/metrics']));
      expect(told).toEqual([]);
    } finally {
      await limit.close();
      listeners.close();
    }
  });
});
