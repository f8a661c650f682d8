import { expect, it } from 'vitest';
import { TenantSeat } from '../../../src/autoscale/placement/tenant-seat.ts';
import type { TenantView } from '../../../src/core/room.ts';

/** A seat of a model with one replica, of which the test says what it has to do. */
function seatOf(first: Partial<TenantView>) {
  let view: TenantView = {
    needs: { gpus: 1, memoryBytes: null, hostBytes: null, pool: null },
    group: null,
    replicas: [{ id: 'r', state: 'ready', inFlight: 0 }],
    ...{ waiting: 0, inFlight: 0, arrived: 0, idleSinceMs: null, startMs: null, returnAtMs: null, min: 0 },
    isKept: false,
    ...first,
  } as TenantView;
  const tenant = { id: 't', model: 'm', view: () => view, evict: () => undefined, freed: () => undefined };
  const seat = new TenantSeat(tenant, () => 1);
  return (next: Partial<TenantView> = {}) => {
    view = { ...view, ...next };
    seat.look(0, () => ({ gpus: ['0'] }));
    return seat.stateAt(0).isTurnOver;
  };
}

it('the turn of a model that only jobs ask for lasts until some of them have come, however many are queued', () => {
  const isOverWith = seatOf({ waiting: 100_000, jobs: 100_000 });
  expect(isOverWith()).toBe(false);
  expect(isOverWith({ waiting: 99_969, jobs: 99_969, arrived: 31 })).toBe(false);
  expect(isOverWith({ waiting: 99_968, jobs: 99_968, arrived: 32 })).toBe(true);
});

it('a few jobs are a short turn, and requests that wait are in it as well', () => {
  const isOverWith = seatOf({ waiting: 5, jobs: 3, arrived: 2 });
  expect(isOverWith()).toBe(false);
  expect(isOverWith({ waiting: 3, jobs: 3 })).toBe(false);
  expect(isOverWith({ waiting: 0, jobs: 0, arrived: 5 })).toBe(true);
});
