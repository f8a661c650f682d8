import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { Activator } from '../../src/activation/activator.ts';
import { decide } from '../../src/autoscale/decide.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Driver } from '../../src/core/driver.ts';
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts';
import { defaults } from '../activation/harness.ts';
import { scriptTarget } from '../drivers/process/children.ts';
import { FakeGate } from '../support/fake-gate.ts';
import { FakeProber } from '../support/fake-prober.ts';

const driver = createProcessDriver({ clock: systemClock, ownerHash: randomUUID() }) as Driver;
afterEach(() => driver.close());

it('a process that exits while it starts is told to have failed after the step it had reached, not after "exited"', async () => {
  const gate = new FakeGate(systemClock);
  const activator = new Activator({
    target: scriptTarget('process.exit(1)'),
    driver,
    prober: new FakeProber(),
    gate,
    clock: systemClock,
    decide,
    settings: defaults,
    random: () => 0,
  });
  activator.start();
  activator.whenCold(Number.POSITIVE_INFINITY);
  gate.waiting = 1;
  await expect.poll(() => gate.failures.length, { timeout: 10_000 }).toBe(1);
  expect(gate.failures[0]?.message).toMatch(/exited with code 1 \(after "spawned"\)$/);
  expect(activator.snapshot().failure?.phase).toBe('spawned');
  await activator.close();
});
