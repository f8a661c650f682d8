import { describe, expect, it } from 'vitest';
import { CountWriter } from '../../src/activation/count-writer.ts';
import { FakeDriver } from '../support/fake-driver.ts';
import { ManualClock } from '../support/manual-clock.ts';

function rig() {
  const clock = new ManualClock();
  const call = { ended: Promise.withResolvers<void>() };
  const driver = new FakeDriver({ replacesLost: true });
  driver.scale = () => call.ended.promise;
  const failures: unknown[] = [];
  let retries = 0;
  const writer = new CountWriter({
    driver,
    target: { id: 'm/default', model: 'm', revision: 'default', backend: null },
    clock,
    onFailed: (error) => failures.push(error),
    onRetry: () => retries++,
    onStood: () => undefined,
    signal: new AbortController().signal,
  });
  const see = (desired: number) => writer.see({ replicas: [], desired });
  return { clock, call, writer, see, failures, retries: () => retries };
}

describe('the count that stands at a driver', () => {
  it('is what others make it, and not what was told', () => {
    const { writer, see } = rig();
    expect([see(2), see(2), see(5), see(5)]).toEqual([2, null, 5, null]);
    expect(writer.told).toBe(5);
    expect(writer.see({ replicas: [] })).toBeNull();
  });

  it('is not taken for that of others while a call is on its way and what is reported is from before it', async () => {
    const { clock, call, writer, see } = rig();
    see(0);
    writer.write(1, [], () => false);
    expect([see(0), see(1), see(1)]).toEqual([null, null, null]);
    call.ended.resolve();
    await clock.settle();
    expect(see(0)).toBe(0);
  });

  it('is that of others although a call is on its way, where it is neither the old nor the new one', () => {
    const { writer, see } = rig();
    see(1);
    writer.write(2, [], () => false);
    expect(see(7)).toBe(7);
    expect(writer.told).toBe(7);
  });

  it('is what it was when the call fails, and is told again a second later', async () => {
    const { clock, call, writer, see, failures, retries } = rig();
    see(3);
    writer.write(1, [], () => true);
    call.ended.reject(new Error('conflict'));
    await clock.settle();
    expect([writer.told, failures.length, retries()]).toEqual([3, 1, 0]);
    await clock.advance(1_000);
    expect(retries()).toBe(1);
    writer.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
