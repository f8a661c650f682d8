import { describe, expect, it } from 'vitest';
import { Start } from '../../src/activation/start.ts';
import type { ReplicaStatus } from '../../src/core/driver.ts';

const status = (changes: Partial<ReplicaStatus>): ReplicaStatus => ({
  id: 'm@1',
  origin: null,
  phase: 'starting',
  steps: [],
  ...changes,
});
const stopped = (changes: Partial<ReplicaStatus>) => {
  const start = new Start({ replicaId: 'm@1', beganAtMs: 0, wallMs: 0 });
  start.stop(status(changes), 700);
  return start.record();
};

describe('a start that does not come to its end', () => {
  it('keeps why the platform took it away', () => {
    const taken = { phase: 'stopping', reason: 'preempted: by training', fault: 'preempted' } as const;
    const { outcome, reason, fault, totalMs } = stopped(taken);
    expect([outcome, reason, fault, totalMs]).toEqual(['stopped', taken.reason, 'preempted', 700]);
  });

  it('has no reason where it is wanted no more, whatever held it up', () => {
    const { outcome, reason, fault } = stopped({ reason: 'unschedulable', fault: 'unschedulable' });
    expect([outcome, reason, fault]).toEqual(['stopped', null, null]);
  });
});
