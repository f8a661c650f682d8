import { describe, expect, it } from 'vitest';
import type { PriorityClass } from '../../src/admission/waiter.ts';
import { openGate, TestWaiter } from './test-waiter.ts';

type Opened = ReturnType<typeof openGate>;

/** Queues the groups one after the other, then opens one slot. */
function queueUp(
  { gate }: Opened,
  groups: { count: number; priority?: PriorityClass; tenant?: string }[],
): TestWaiter[] {
  const waiters = groups.flatMap(({ count, priority = 1, tenant = 'one' }) =>
    Array.from({ length: count }, (_, i) =>
      new TestWaiter(`${tenant}/${priority}/${i}`, { priority, tenant }).enter(gate),
    ),
  );
  gate.addReplica('r', 'http://r', 1);
  return waiters;
}

/** Lets `count` of them through the slot one by one: the order in which they got it. */
function serve(waiters: TestWaiter[], count: number): TestWaiter[] {
  const served = new Set<TestWaiter>();
  while (served.size < count) {
    const running = waiters.find((waiter) => waiter.permit !== null && !served.has(waiter));
    if (!running) break;
    served.add(running);
    running.permit?.release();
  }
  return [...served];
}

function countBy<Key>(served: TestWaiter[], key: (waiter: TestWaiter) => Key): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const waiter of served) counts.set(key(waiter), (counts.get(key(waiter)) ?? 0) + 1);
  return counts;
}

describe('shares of a gate', () => {
  it('gives the priority classes 16:4:1 while all of them wait', () => {
    const waiters = queueUp(openGate({ max: 1_000 }), [
      { count: 200, priority: 2 },
      { count: 200, priority: 1 },
      { count: 200, priority: 0 },
    ]);
    const served = serve(waiters, 210);
    const counts = countBy(served, (waiter) => waiter.priority);
    expect(counts.get(0)).toBeGreaterThanOrEqual(159);
    expect(counts.get(0)).toBeLessThanOrEqual(161);
    expect(counts.get(1)).toBeGreaterThanOrEqual(39);
    expect(counts.get(1)).toBeLessThanOrEqual(41);
    expect(counts.get(2)).toBeGreaterThanOrEqual(9);
    expect(counts.get(2)).toBeLessThanOrEqual(11);
  });

  it('serves a low one after at most 21 others, however many high ones come', () => {
    const waiters = queueUp(openGate({ max: 1_000 }), [
      { count: 100, priority: 0 },
      { count: 1, priority: 2 },
    ]);
    const served = serve(waiters, 22);
    expect(served.some((waiter) => waiter.priority === 2)).toBe(true);
  });

  it('lets tenants of a class take turns, whatever each has waiting', () => {
    const waiters = queueUp(openGate({ max: 1_000 }), [
      { count: 100, tenant: 'loud' },
      { count: 3, tenant: 'quiet' },
    ]);
    const served = serve(waiters, 6);
    expect(countBy(served, (waiter) => waiter.tenant)).toEqual(
      new Map([
        ['loud', 3],
        ['quiet', 3],
      ]),
    );
  });

  it('gives a tenant of weight 3 three turns for one', () => {
    const waiters = queueUp(
      openGate({ max: 1_000 }, { tenantWeight: (tenant) => (tenant === 'big' ? 3 : 1) }),
      [
        { count: 50, tenant: 'small' },
        { count: 50, tenant: 'big' },
      ],
    );
    const counts = countBy(serve(waiters, 40), (waiter) => waiter.tenant);
    expect(counts.get('big')).toBeGreaterThanOrEqual(29);
    expect(counts.get('big')).toBeLessThanOrEqual(31);
  });

  it('does not let a tenant that comes back after each grant starve another', () => {
    const opened = openGate({ max: 1_000 });
    const waiters = queueUp(opened, [
      { count: 1, tenant: 'eager' },
      { count: 5, tenant: 'patient' },
    ]);
    const order: string[] = [];
    for (let i = 0; i < 10; i++) {
      const running = waiters.find((waiter) => waiter.permit && !order.includes(waiter.name))!;
      order.push(running.name);
      if (running.tenant === 'eager')
        waiters.push(new TestWaiter(`eager again ${i}`, { tenant: 'eager' }).enter(opened.gate));
      running.permit?.release();
    }
    expect(order.filter((name) => name.startsWith('patient'))).toHaveLength(5);
  });

  it('keeps the order of arrival inside a class and tenant', () => {
    const waiters = queueUp(openGate({ max: 1_000 }), [
      { count: 30, priority: 0, tenant: 'a' },
      { count: 30, priority: 1, tenant: 'a' },
      { count: 30, priority: 1, tenant: 'b' },
    ]);
    const served = serve(waiters, 90).map(({ name }) => name);
    expect(served).toHaveLength(90);
    for (const lane of ['a/0', 'a/1', 'b/1'])
      expect(served.filter((name) => name.startsWith(lane))).toEqual(
        Array.from({ length: 30 }, (_, i) => `${lane}/${i}`),
      );
  });

  it('refuses a class weight that is not above 0', () => {
    expect(() => openGate({}, { weights: [1, 0, 1] })).toThrow('weight of a priority class must be above 0');
  });
});
