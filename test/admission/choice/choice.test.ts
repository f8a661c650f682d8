import { describe, expect, it } from 'vitest';
import type { BalanceSettings } from '../../../src/config/settings.ts';
import { openGate, TestWaiter } from '../test-waiter.ts';

function open(balance: Partial<BalanceSettings>, limits: Record<string, number>, random = () => 0) {
  const full = { strategy: 'auto', session: null, maxLoadFactor: 1.25, ...balance } as const;
  const opened = openGate({ balance: full }, { random });
  for (const [id, limit] of Object.entries(limits)) opened.gate.addReplica(id, `http://${id}`, limit);
  const send = (affinity: Partial<TestWaiter['affinity']> = {}) =>
    new TestWaiter('x', { affinity: { session: null, blocks: [], ...affinity } }).enter(opened.gate);
  const idsOf = (count: number, affinity?: Partial<TestWaiter['affinity']>) =>
    Array.from({ length: count }, () => send(affinity).permit?.replicaId);
  return { ...opened, send, idsOf };
}

describe('least', () => {
  it('spreads over equal replicas in turns', () => {
    const { send } = open({ strategy: 'least' }, { a: 0, b: 0, c: 0 });
    const ids = Array.from({ length: 6 }, () => {
      const { permit } = send();
      permit?.release();
      return permit?.replicaId;
    });
    expect(ids).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('takes the one with the fewest requests in flight that has room', () => {
    const { send, idsOf } = open({ strategy: 'least' }, { a: 1, b: 4 });
    expect(idsOf(4).sort()).toEqual(['a', 'b', 'b', 'b']);
    expect(send().permit?.replicaId).toBe('b');
    expect(send().permit).toBeNull();
  });

  it('begins where the random number says', () => {
    const { send } = open({ strategy: 'least' }, { a: 0, b: 0 }, () => 1 / 65_536);
    expect(send().permit?.replicaId).toBe('b');
  });
});

describe('first', () => {
  it('fills one replica before the next', () => {
    const { idsOf } = open({ strategy: 'first' }, { a: 2, b: 2 });
    expect(idsOf(5)).toEqual(['a', 'a', 'b', 'b', undefined]);
  });
});

describe('auto', () => {
  it('is first for limits up to 3', () => {
    const { idsOf } = open({}, { a: 3, b: 3 });
    expect(idsOf(4)).toEqual(['a', 'a', 'a', 'b']);
  });

  it('is least for larger limits, none, and while one of several ramps', () => {
    expect(open({}, { a: 4, b: 4 }).idsOf(4)).toEqual(['a', 'b', 'a', 'b']);
    expect(open({}, { a: 0, b: 0 }).idsOf(4)).toEqual(['a', 'b', 'a', 'b']);
    expect(open({}, { a: 1, b: 8 }).idsOf(3)).toEqual(['a', 'b', 'b']);
  });
});

describe('session affinity', () => {
  const balance = { strategy: 'least', session: { header: 'x-session' } } as const;

  it('sends a session where it went before', () => {
    const { idsOf, send } = open(balance, { a: 0, b: 0, c: 0 });
    send();
    expect(idsOf(4, { session: 's' })).toEqual(['b', 'b', 'b', 'b']);
  });

  it('goes elsewhere while its replica is full, and back afterwards', () => {
    const { send } = open(balance, { a: 1, b: 9 });
    const home = send({ session: 's' });
    expect(home.permit?.replicaId).toBe('a');
    expect(send({ session: 's' }).permit?.replicaId).toBe('b');
    home.permit?.release();
    expect(send({ session: 's' }).permit?.replicaId).toBe('a');
  });

  it('comes back after a suspension, but settles elsewhere after a removal', () => {
    const { gate, send } = open(balance, { a: 0, b: 0, c: 0 });
    expect(send({ session: 's' }).permit?.replicaId).toBe('a');
    gate.suspend('a');
    expect(send({ session: 's' }).permit?.replicaId).not.toBe('a');
    gate.reinstate('a');
    expect(send({ session: 's' }).permit?.replicaId).toBe('a');
    gate.removeReplica('a');
    const next = send({ session: 's' }).permit?.replicaId;
    expect(send({ session: 's' }).permit?.replicaId).toBe(next);
  });
});

describe('prefix affinity', () => {
  const balance = { strategy: 'prefix', maxLoadFactor: 2 } as const;

  it('sends the longest known start where it was seen', () => {
    const { send } = open(balance, { a: 0, b: 0, c: 0 });
    const chain = (...blocks: number[]) => {
      const { permit } = send({ blocks });
      permit?.release();
      return permit?.replicaId;
    };
    const first = chain(1, 2, 3);
    const other = chain(7, 8);
    expect(other).not.toBe(first);
    expect([chain(1, 2, 3, 4), chain(7, 8, 9), chain(1, 2, 3, 4, 5)]).toEqual([first, other, first]);
  });

  it('gives way to the others when that replica holds more than its share', () => {
    const { idsOf } = open(balance, { a: 0, b: 0, c: 0, d: 0 });
    const ids = idsOf(40, { blocks: [1, 2, 3] });
    const most = Math.max(...['a', 'b', 'c', 'd'].map((id) => ids.filter((it) => it === id).length));
    expect(most).toBeLessThanOrEqual(Math.ceil((2 * 40) / 4));
    expect(new Set(ids).size).toBeGreaterThan(1);
  });

  it('takes what has room when the replica that knows it has none', () => {
    const { idsOf } = open(balance, { a: 1, b: 1 });
    expect(idsOf(3, { blocks: ['x'] })).toEqual(['a', 'b', undefined]);
  });
});
