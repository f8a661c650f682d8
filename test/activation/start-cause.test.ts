import { describe, expect, it } from 'vitest';
import { Harness } from './harness.ts';

describe('a start that cannot be asked for', () => {
  it('fails with the kind of reason that the driver tells', async () => {
    const h = new Harness();
    h.driver.scaleError = Object.assign(new Error('deployment "m" does not exist'), { fault: 'missing' });
    h.enter();
    await h.clock.settle();
    const { lastStarts, failure } = h.activator.snapshot();
    expect(lastStarts[0]).toMatchObject({ outcome: 'failed', fault: 'missing' });
    expect(failure).toMatchObject({ reason: 'deployment "m" does not exist', fault: 'missing' });
  });

  it('fails without one where the driver tells none', async () => {
    const h = new Harness();
    h.driver.scaleError = new Error('connection refused');
    h.enter();
    await h.clock.settle();
    expect(h.activator.snapshot().failure).toMatchObject({ reason: 'connection refused', fault: null });
  });
});
