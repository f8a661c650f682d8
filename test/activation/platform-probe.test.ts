import { describe, expect, it } from 'vitest';
import { plannedProbe } from '../../src/activation/probe-plan.ts';
import { defaults, Harness } from './harness.ts';

const status = { id: 'r1', origin: 'http://10.0.0.1:80', phase: 'running', steps: [] } as const;

describe('how a replica is probed', () => {
  it('is what the settings say, but for what its driver knows better', () => {
    expect(plannedProbe(status, defaults.ready)).toEqual({ origin: status.origin, spec: defaults.ready });
    const probe = {
      kind: 'tcp',
      origin: 'http://10.0.0.1:81',
      path: '/ready',
      statuses: [204],
      headers: { host: 'a' },
    } as const;
    const { origin, spec } = plannedProbe({ ...status, probe }, defaults.ready);
    expect(origin).toBe('http://10.0.0.1:81');
    expect(spec).toEqual({
      ...defaults.ready,
      kind: 'tcp',
      path: '/ready',
      statuses: [204],
      headers: { host: 'a' },
    });
  });
});

describe('a replica that the driver has asked by gRPC', () => {
  it('is asked for the service that the driver names', () => {
    const probe = { kind: 'grpc', service: 'llm.Chat' } as const;
    expect(plannedProbe({ ...status, probe }, defaults.ready).spec).toEqual({ ...defaults.ready, ...probe });
  });
});

describe('a replica of which the platform says whether it is ready', () => {
  it('is kept out until it does, and let in at once then', async () => {
    const h = new Harness();
    h.enter();
    await h.clock.settle();
    h.prober.state = 'ready';
    h.driver.change('r1', { isReady: false });
    h.driver.run('r1');
    await h.clock.advance(10_000);
    expect(h.gate.open).toEqual([]);
    h.driver.change('r1', { isReady: true });
    await h.clock.settle();
    expect(h.gate.open).toEqual(['r1']);
  });

  it('takes no new requests while it does not any more', async () => {
    const h = new Harness();
    await h.bringUp();
    h.driver.change('r1', { isReady: false });
    await h.clock.advance(10_000);
    expect(h.gate.open).toEqual([]);
    expect(h.gate.replicas.has('r1')).toBe(true);
    h.driver.change('r1', { isReady: true });
    await h.clock.settle();
    expect(h.gate.open).toEqual(['r1']);
  });

  it('is given time to come back where the platform replaces what is lost', async () => {
    const h = new Harness(defaults, { replacesLost: true, canReplace: false });
    await h.bringUp();
    h.gate.run('r1', 1);
    h.driver.change('r1', { isReady: false });
    await h.clock.advance(130_000);
    expect(h.event('replica-lost')).toBeDefined();
    expect(h.driver.counts).toEqual([1]);
    h.driver.change('r1', { isReady: true });
    await h.clock.settle();
    expect(h.gate.open).toEqual(['r1']);
  });
});

describe('what a start waits for', () => {
  it('is told in the words of the platform, also when it did not come in time', async () => {
    const h = new Harness();
    h.enter();
    await h.clock.settle();
    h.driver.change('r1', { reason: 'unschedulable: Insufficient nvidia.com/gpu', fault: 'unschedulable' });
    expect(h.activator.wakeInfo().detail).toBe('unschedulable: Insufficient nvidia.com/gpu');
    await h.clock.advance(61_000);
    expect(h.event('start-failed')).toMatchObject({
      reason: 'not ready within 60s: unschedulable: Insufficient nvidia.com/gpu',
      fault: 'unschedulable',
    });
  });

  it('ends with the first byte of its first answer, told once', async () => {
    const h = new Harness();
    await h.bringUp();
    const beganAtMs = h.clock.nowMs() - 2_000;
    await h.clock.advance(40);
    h.activator.firstByte('r1');
    h.activator.firstByte('r1');
    h.activator.firstByte('unknown');
    const [start] = h.activator.snapshot().lastStarts;
    expect(start?.steps.at(-1)).toEqual({ name: 'first byte', offsetMs: h.clock.nowMs() - beganAtMs });
    expect(start?.phase).toBe('ready');
    expect(h.events.filter((event) => event.type === 'step' && event.step === 'first byte')).toHaveLength(1);
    expect(h.activator.learned().starts[0]?.steps.at(-1)?.name).toBe('ready');
  });

  it('is told of when a condition comes up, changes and goes', async () => {
    const h = new Harness();
    const told = (message: string | null) => {
      h.driver.told = message === null ? {} : { conditions: [{ type: 'Stale', message }] };
      h.driver.publish();
      return h.activator.snapshot().conditions.map((condition) => condition.message);
    };
    expect([told('a'), told('a'), told('b'), told(null)]).toEqual([['a'], ['a'], ['b'], []]);
    const events = h.events.filter((event) => event.type === 'condition');
    expect(events.map(({ message, isPresent }) => [message, isPresent])).toEqual([
      ['a', true],
      ['b', true],
      ['b', false],
    ]);
  });
});
