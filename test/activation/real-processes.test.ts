import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Activator } from '../../src/activation/activator.ts';
import type { ActivationEvent } from '../../src/activation/events.ts';
import type { ActivationSettings } from '../../src/activation/settings.ts';
import { decide } from '../../src/autoscale/decide.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Driver } from '../../src/core/driver.ts';
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts';
import { createProber } from '../../src/probe/http-prober.ts';
import { isAlive, pidsOf, scriptTarget, serverScript, untilDead } from '../drivers/process/children.ts';
import { FakeGate } from '../support/fake-gate.ts';
import { defaults, withScale } from './harness.ts';

/** Opens its port after 60 ms, loads until the third probe, answers probes after 5 ms and says when two overlap. */
const loadingScript = `
  let probes = 0;
  let answers = 0;
  const server = require('http').createServer((request, response) => {
    if (++probes > 1) console.log('overlap');
    setTimeout(() => {
      probes--;
      response.writeHead(++answers < 3 ? 503 : 200).end('Loading model');
    }, 5);
  });
  setTimeout(() => server.listen(+process.argv[1], '127.0.0.1'), 60);
`;

/** Its health service of gRPC says NOT_SERVING twice, then SERVING. */
const grpcScript = `
  let asked = 0;
  const server = require('http2').createServer();
  server.on('stream', (stream) => {
    const status = ++asked < 3 ? 2 : 1;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
  });
  setTimeout(() => server.listen(+process.argv[1], '127.0.0.1'), 60);
`;

const failingScript = `
  console.log('reading the weights');
  console.error('CUDA out of memory');
  process.exit(7);
`;

const poll = (read: () => unknown) => expect.poll(read, { timeout: 10_000, interval: 5 });

describe('a revision of real processes', () => {
  let ownerHash: string;
  let driver: Driver;
  let prober: ReturnType<typeof createProber>;
  let gate: FakeGate;
  let events: ActivationEvent[];
  let activators: Activator[];

  beforeEach(() => {
    ownerHash = randomUUID();
    driver = createProcessDriver({ clock: systemClock, ownerHash }) as Driver;
    prober = createProber();
    gate = new FakeGate(systemClock);
    events = [];
    activators = [];
  });
  afterEach(async () => {
    await Promise.all(activators.map((activator) => activator.close()));
    await Promise.all([driver.close(), prober.close()]);
    expect(pidsOf(ownerHash)).toEqual([]);
  });

  const start = (script: string, settings: ActivationSettings = defaults) => {
    const activator = new Activator({
      target: scriptTarget(script),
      driver,
      prober,
      gate,
      clock: systemClock,
      decide,
      settings,
      random: () => 0,
      onEvent: (event) => events.push(event),
    });
    activators.push(activator);
    activator.start();
    return activator;
  };
  const enter = (activator: Activator) => {
    const refusal = activator.whenCold(Number.POSITIVE_INFINITY);
    if (refusal === null) gate.waiting++;
    return refusal;
  };

  it('goes through spawned, port open, loading and ready, with the time of each, one probe at a time', async () => {
    const activator = start(loadingScript);
    enter(activator);
    await poll(() => activator.wakeInfo().state).toBe('ready');
    const { lastStarts, replicas } = activator.snapshot();
    const { steps, totalMs, outcome } = lastStarts[0]!;
    expect(steps.map(({ name }) => name)).toEqual(['spawned', 'port open', 'loading', 'ready']);
    const offsets = steps.map(({ offsetMs }) => offsetMs);
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    // Two pauses of 10 ms between probes, and two answers that take 5 ms.
    expect(offsets[3]! - offsets[2]!).toBeGreaterThan(20);
    expect([outcome, totalMs]).toEqual(['ready', offsets[3]]);
    expect(replicas[0]?.output).toEqual([]);
  });

  it('is ready as soon as its port accepts, where the readiness is tcp', async () => {
    const activator = start(loadingScript, { ...defaults, ready: { ...defaults.ready, kind: 'tcp' } });
    enter(activator);
    await poll(() => activator.wakeInfo().state).toBe('ready');
    const names = activator.snapshot().lastStarts[0]?.steps.map(({ name }) => name);
    expect(names).toEqual(['spawned', 'port open', 'ready']);
  });

  it('is ready when its health service of gRPC says so, where the readiness is grpc', async () => {
    const activator = start(grpcScript, { ...defaults, ready: { ...defaults.ready, kind: 'grpc' } });
    enter(activator);
    await poll(() => activator.wakeInfo().state).toBe('ready');
    const names = activator.snapshot().lastStarts[0]?.steps.map(({ name }) => name);
    expect(names).toEqual(['spawned', 'port open', 'loading', 'ready']);
  });

  it('fails its waiters at once with reason and output when it exits, and may be tried again after the back-off', async () => {
    const activator = start(failingScript);
    enter(activator);
    await poll(() => gate.failures.length).toBe(1);
    expect(gate.failures[0]).toMatchObject({ code: 'start_failed', phase: 'spawned' });
    expect(gate.failures[0]?.message).toContain('exited with code 7: CUDA out of memory');
    const { failure, lastStarts } = activator.snapshot();
    expect(failure?.output).toEqual(['reading the weights', 'CUDA out of memory']);
    expect(lastStarts[0]).toMatchObject({ outcome: 'failed', phase: 'spawned' });
    expect(lastStarts[0]?.totalMs).toBeLessThan(defaults.ready.startupMs / 2);
    gate.waiting = 0;
    const refusal = enter(activator);
    expect(refusal).toMatchObject({ code: 'start_failed' });
    expect(refusal!.retryAfterMs).toBeGreaterThan(0);
    await poll(() => enter(activator)).toBeNull();
    await poll(() => events.filter(({ type }) => type === 'start-failed').length).toBe(2);
  });

  it('fails its waiters when the startup deadline passes, and leaves nothing running', async () => {
    const startup = { ...defaults, ready: { ...defaults.ready, startupMs: 400 } };
    const silent = `process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000);`;
    const activator = start(silent, startup);
    enter(activator);
    await poll(() => gate.failures.length).toBe(1);
    expect(gate.failures[0]?.message).toContain('not ready within 0.4s: GET /health: ECONNREFUSED');
    expect(activator.snapshot().lastStarts[0]?.totalMs).toBeGreaterThanOrEqual(400);
    await poll(() => pidsOf(ownerHash)).toEqual([]);
    // It keeps its state while what is left of it ends, and after.
    expect(activator.snapshot().state).toBe('failed');
  });

  it('has its minimum from the start, each replica on a port of its own, and starts a killed one again', async () => {
    const activator = start(serverScript, withScale({ min: 2 }));
    await poll(() => gate.open.length).toBe(2);
    const origins = activator.snapshot().replicas.map(({ origin }) => origin);
    expect(new Set(origins).size).toBe(2);
    const [pid] = pidsOf(ownerHash);
    process.kill(pid!, 'SIGKILL');
    await untilDead(pid!);
    await poll(() => events.filter(({ type }) => type === 'ready').length).toBe(3);
    await poll(() => gate.open.length).toBe(2);
  });

  it('goes to zero when idle: its process is gone, and the next request starts another', async () => {
    const activator = start(serverScript, withScale({ idleMs: 100 }));
    enter(activator);
    await poll(() => gate.open.length).toBe(1);
    const [pid] = pidsOf(ownerHash);
    gate.waiting = 0;
    await poll(() => activator.wakeInfo().state).toBe('cold');
    expect(isAlive(pid!)).toBe(false);
    enter(activator);
    await poll(() => gate.open.length).toBe(1);
    expect(pidsOf(ownerHash)).not.toEqual([pid]);
  });

  it('that rejects while cold is woken all the same', async () => {
    const activator = start(serverScript, { ...defaults, cold: 'reject' });
    expect(enter(activator)).toMatchObject({ code: 'cold' });
    expect(gate.waiting).toBe(0);
    await poll(() => activator.wakeInfo().state).toBe('ready');
  });
});
