import { describe, expect, it } from 'vitest';
import { isAway, takesOver } from '../../src/autoscale/rollout.ts';

const states = ['held', 'cold', 'starting', 'ready', 'draining', 'failed', 'paused'];
const current = (state: string, readyReplicas = state === 'ready' ? 1 : 0) => ({
  state,
  readyReplicas,
  hasFailed: state === 'failed',
});
const limits = { minReplicas: 0, isOverdue: false };
/** The states of the revision in service from which a next one in this state takes over. */
const from = (next: ReturnType<typeof current>) =>
  states.filter((state) => takesOver(current(state), next, limits));

describe('when the next revision takes over', () => {
  it('is as soon as it is ready, whatever the old one does', () => {
    expect(from(current('ready'))).toEqual(states);
  });

  it('is at once while the old one serves nobody and is not about to', () => {
    expect(from(current('starting'))).toEqual(['held', 'cold', 'draining', 'failed', 'paused']);
    expect(from(current('cold'))).toEqual(states.filter((state) => isAway({ state })));
  });

  it('is never while it is known not to start, unless the old one does not start either', () => {
    expect(from(current('failed'))).toEqual(['failed']);
    expect(from({ ...current('starting'), hasFailed: true })).toEqual(['failed']);
  });

  it('waits for as many replicas as it always keeps, but not for more than the old one has', () => {
    const next = (readyReplicas: number) => current('ready', readyReplicas);
    const isDue = (ready: number, had: number) =>
      takesOver(current('ready', had), next(ready), { minReplicas: 4, isOverdue: false });
    expect([isDue(1, 4), isDue(3, 4), isDue(4, 4), isDue(4, 9)]).toEqual([false, false, true, true]);
    expect([isDue(1, 2), isDue(2, 2), isDue(1, 1), isDue(1, 0)]).toEqual([false, true, true, true]);
  });

  it('is with any ready replica once its startup time has passed', () => {
    const overdue = { minReplicas: 4, isOverdue: true };
    expect(takesOver(current('ready', 4), current('ready', 1), overdue)).toBe(true);
    expect(takesOver(current('ready', 4), current('starting', 0), overdue)).toBe(false);
  });
});
