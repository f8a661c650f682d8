import { describe, expect, it } from 'vitest';
import { openGate, TestWaiter } from './test-waiter.ts';

describe('the replicas of a gate', () => {
  it('sends nothing new to a replica that is suspended or removed, and lets it finish', () => {
    const { gate } = openGate();
    gate.addReplica('a', 'http://a', 0);
    gate.addReplica('b', 'http://b', 0);
    const x = new TestWaiter('x').enter(gate);
    const y = new TestWaiter('y').enter(gate);
    expect([x.permit?.replicaId, y.permit?.replicaId].sort()).toEqual(['a', 'b']);
    gate.suspend('a');
    gate.removeReplica('b');
    const z = new TestWaiter('z').enter(gate);
    expect(z.permit).toBeNull();
    expect(gate.inFlightOf('b')).toBe(1);
    x.permit?.release();
    y.permit?.release();
    expect([gate.inFlightOf('a'), gate.inFlightOf('b'), gate.inFlight]).toEqual([0, 0, 0]);
    gate.reinstate('a');
    expect(z.permit?.replicaId).toBe('a');
  });

  it('lets a replica above a lowered limit finish and grants again only below it', () => {
    const { gate } = openGate();
    gate.addReplica('a', 'http://a', 2);
    const [x, y, z] = ['x', 'y', 'z'].map((name) => new TestWaiter(name).enter(gate));
    gate.setLimit('a', 1);
    x?.permit?.release();
    expect(z?.permit).toBeNull();
    y?.permit?.release();
    expect(z?.permit).not.toBeNull();
  });

  it('goes on counting a removed replica that is added again', () => {
    const { gate } = openGate();
    gate.addReplica('a', 'http://a', 1);
    const x = new TestWaiter('x').enter(gate);
    gate.removeReplica('a');
    gate.addReplica('a', 'http://a', 1);
    const y = new TestWaiter('y').enter(gate);
    expect(y.permit).toBeNull();
    x.permit?.release();
    expect(y.permit).not.toBeNull();
  });

  it('forgets a removed replica at its last release', () => {
    const { gate } = openGate();
    gate.addReplica('a', 'http://a', 1);
    const x = new TestWaiter('x').enter(gate);
    gate.removeReplica('a');
    x.permit?.release();
    gate.addReplica('a', 'http://elsewhere', 1);
    expect(new TestWaiter('y').enter(gate).permit?.origin).toBe('http://elsewhere');
  });
});
