import { expect, it } from 'vitest';
import type { TargetStatus } from '../../../src/core/driver.ts';
import { StatusTeller } from '../../../src/drivers/kubernetes/status-teller.ts';

it('a status that cannot be made is a fault and no end of the gateway, and the next is told', async () => {
  const faults: unknown[] = [];
  const told: TargetStatus[] = [];
  let make = (): TargetStatus => ({ replicas: [] });
  const teller = new StatusTeller(
    () => make(),
    (error) => faults.push(error),
  );
  const stop = new AbortController();
  const ended = teller.watch((status) => told.push(status), stop.signal);
  const odd = new Error('an object of another shape');
  make = () => {
    throw odd;
  };
  teller.plan();
  await expect.poll(() => faults).toEqual([odd]);
  make = () => ({ replicas: [], desired: 1 });
  teller.plan();
  await expect.poll(() => told).toEqual([{ replicas: [] }, { replicas: [], desired: 1 }]);
  stop.abort();
  await ended;
});
