import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { TargetStatus } from '../../src/core/driver.ts';
import { SimulatedDriver } from '../../src/simulate/simulated-driver.ts';
import { VirtualClock } from '../../src/simulate/virtual-clock.ts';
import { describeDriver } from '../conformance/driver.ts';

const target = { id: 'm/default', model: 'm', revision: 'default', backend: null };
const signal = new AbortController().signal;

describeDriver('simulated', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    driver: new SimulatedDriver({
      clock: systemClock,
      loadMs: () => 1,
      promised: () => undefined,
      originOf: (number) => `http://127.0.0.1:${port}/${number}`,
    }),
    target,
    runningFor: (desired) => desired,
    // What listens there belongs to the test.
    isOwner: false,
    dispose: async () => void server.close(),
  };
});

function drive(loadMs: number) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const driver = new SimulatedDriver({
    clock,
    loadMs: () => loadMs,
    promised: () => clock.promised(),
    onCreated: (_target, id) => told.push(`${id} created at ${clock.nowMs()}`),
    onEnded: (_target, id) => told.push(`${id} ended at ${clock.nowMs()}`),
  });
  const statuses: [number, TargetStatus][] = [];
  void driver.watch(target, (status) => statuses.push([clock.nowMs(), status]), signal);
  const phases = () =>
    statuses.map(([atMs, { replicas }]) => [atMs, ...replicas.map(({ phase }) => phase)].join(' '));
  return { clock, driver, told, phases };
}

describe('the simulated driver', () => {
  it('has a replica running exactly when its load time has passed, and gone as soon as it was told to end', async () => {
    const { clock, driver, told, phases } = drive(2_000);
    await driver.scale(target, { replicas: 1 }, signal);
    await clock.runUntil(5_000);
    await driver.scale(target, { replicas: 0 }, signal);
    await clock.runUntil(9_000);
    expect(phases()).toEqual(['0', '0 starting', '2000 running', '5000 exited', '5000']);
    expect(told).toEqual(['m/default#1 created at 0', 'm/default#1 ended at 5000']);
  });

  it('never has one running that was told to end while it loaded', async () => {
    const { clock, driver, phases } = drive(2_000);
    await driver.scale(target, { replicas: 1 }, signal);
    await clock.runUntil(1_000);
    await driver.scale(target, { replicas: 0 }, signal);
    await clock.runUntil(9_000);
    expect(phases()).toEqual(['0', '0 starting', '1000 exited', '1000']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('tells nothing within a call', async () => {
    const { clock, driver, phases } = drive(1);
    void driver.scale(target, { replicas: 3 }, signal);
    expect(phases()).toEqual(['0']);
    await clock.runUntil(0);
    expect(phases()).toEqual(['0', '0 starting starting starting']);
  });
});
